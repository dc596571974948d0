"""Collections of videos: raw files, or features that someone else has extracted from them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from base import plug
from base.settings import Settings

LAYOUTS: dict[str, str] = {
    "hcrn": "extract.layouts.hcrn:LAYOUT",
    "nextqa": "extract.layouts.nextqa:LAYOUT",
    "npy": "extract.layouts.npy:LAYOUT",
    "eigv": "extract.layouts.ours:LAYOUT",
    "captions": "extract.layouts.captions:LAYOUT",
}
"""The layouts of features that are built in, each with the place of its code, as one of your own is named."""


def _is_layout(value: str) -> str:
    return plug.check_name(value, LAYOUTS, "layout")


class CaptionSettings(Settings):
    """Texts about moments of videos, and the sentence encoder that makes features of them."""

    encoder: str = Field(
        "package:minilm",
        description="The sentence encoder: a name known to the model hub, a local folder, or `package:minilm`.",
    )
    pooling: Literal["mean", "first"] = Field(
        "mean",
        description="What becomes the vector of a text: the mean of the hidden states of its tokens, or that "
        "of the first token ([CLS]).",
    )
    unit: bool = Field(True, description="Whether each vector is made 1 long.")
    rate: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Of lists of texts: texts a second. Of texts with their times: the "
        "rate at which frames are counted (1 if empty).",
    )
    clips: int = Field(16, ge=1, description="Equal parts that a video is cut into.")
    appearance: tuple[str, ...] = Field(
        ("appearance.json",),
        min_length=1,
        description="Files in the folder `path`; the vectors of several stand side by side.",
    )
    motion: tuple[str, ...] = Field(("motion.json",), description="The same; none for features without motion.")


class ImportedFeatures(Settings):
    """Features that someone else has extracted."""

    layout: Annotated[str, AfterValidator(_is_layout), WithJsonSchema(plug.name_schema(LAYOUTS))] = Field(
        description="How they are laid out: `nextqa`, NExT-QA's release (app_mot_{split}.h5); `hcrn`, HCRN's files "
        "(*_appearance_feat.h5, *_motion_feat.h5); `npy`, a .npy file a video in the folders appearance/ and motion/ "
        "(MSPAN); `eigv`, a video.h5 of ours; `captions`, texts about moments, as JSON; "
        "or one of your own, path/of/a/file.py:LAYOUT (docs/formats.md)."
    )
    path: Path = Field(description="The folder of the files; for `eigv` the file; for `captions` either.")
    splits: tuple[str, ...] = Field(("train", "val", "test"), description="Of `nextqa`: the splits that have a file.")
    widths: tuple[int, int] = Field((2048, 2048), description="Width of an appearance and of a motion feature.")
    reduce: Literal["middle", "first", "mean", "max"] = Field(
        "middle",
        description="Of several frame vectors (HCRN has 16) or texts a clip the one in the middle, the first, their "
        "mean or their maximum becomes the clip's appearance feature.",
    )
    frames: int | None = Field(
        None,
        ge=1,
        description="Files that have one appearance feature a clip: it stands for that many frames, all alike, so that "
        "a backbone that reads the vectors of frames (`hcrn`, at least 4) runs on them.",
    )
    ids: str = Field(
        "{}", pattern=r"^[^{}]*\{\}[^{}]*$", description="The video id, with {} for the id in the file: video{}."
    )
    mapping: Path | None = Field(
        None,
        description="A file that maps the ids in the files to video ids: JSON, or MSVD's youtube_mapping.txt.",
    )
    captions: CaptionSettings = Field(CaptionSettings(), description="Of `captions`: how texts become features.")


class VideoCollection(Settings):
    """Videos that data sets share, and with them their features: raw files, or features that someone has extracted."""

    folder: Path | None = Field(
        None,
        description="The folder of the video files. Not needed with `features`; given as well, it says when a clip is "
        "and what it shows.",
    )
    features: ImportedFeatures | None = Field(None, description="Features that are imported instead of extracted.")
    mapping: Path | None = Field(
        None,
        description="JSON that maps a video id to its path below the folder, with or without suffix (NExT-QA's VidOR "
        "map).",
    )
    subfolders: tuple[str, ...] = Field(
        (),
        description="Folders below it that hold the videos as well (MSRVTT-QA: TrainValVideo, TestVideo). A video is "
        "looked for where the mapping says, then by its id in the folder, then by its id in each of these.",
    )
    missing: Literal["error", "skip", "zeros"] = Field(
        "error",
        description="A video that the annotations ask for and that is not there: stop, leave its questions out "
        "(and count them), or give it zeros as features.",
    )
    unreadable: Literal["error", "skip", "zeros"] = Field(
        "error", description="A video that cannot be decoded: the same choices."
    )
    damaged: Literal["use", "error", "skip", "zeros"] = Field(
        "use",
        description="A video that is damaged or breaks off (status `damaged` or `cut`): use what can still be decoded, "
        "or the same choices.",
    )
    fingerprint: Literal["sha256", "size-and-time"] = Field(
        "sha256",
        description="What the manifest notes to recognise a file by: the hash of its content, or (quicker on slow "
        "disks) its size and the time it was last changed.",
    )
    time_limit: float = Field(
        600, gt=0, description="Seconds that a decoder may take for one video before it is stopped, as hanging."
    )
    memory_limit: float = Field(
        8, gt=0, description="Address space in GiB that a decoder may take for one video before it is stopped."
    )

    @model_validator(mode="after")
    def _has_videos_or_features(self) -> "VideoCollection":
        if self.folder is None and self.features is None:
            raise ValueError("give `folder`, where the videos lie, or `features`, which are to be imported")
        return self
