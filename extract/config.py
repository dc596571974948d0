"""Settings of the extraction: where videos and annotations lie, and how features are made of them."""

import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from base.settings import Settings

PRESET_FOLDER = Path(__file__).parent / "presets"
PRESETS = ("paper", "hcrn", "mspan")
"""The presets that are shipped, one file each."""


class ImportedFeatures(Settings):
    """Features that someone else has extracted."""

    layout: Literal["nextqa", "hcrn", "npy", "eigv"] = Field(
        description="How they are laid out: NExT-QA's release (app_mot_{split}.h5), HCRN's files "
        "(*_appearance_feat.h5, *_motion_feat.h5), a .npy file a video in the folders appearance/ and motion/ (MSPAN), "
        "or a video.h5 of ours."
    )
    path: Path = Field(description="The folder of the files; for `eigv` the file.")
    splits: tuple[str, ...] = Field(("train", "val", "test"), description="Of `nextqa`: the splits that have a file.")
    widths: tuple[int, int] = Field((2048, 2048), description="Width of an appearance and of a motion feature.")
    reduce: Literal["middle", "first", "mean", "max"] = Field(
        "middle",
        description="Of several frame vectors a clip (HCRN has 16) the one in the middle, the first, their mean or "
        "their maximum becomes the clip's appearance feature.",
    )
    ids: str = Field(
        "{}", pattern=r"^[^{}]*\{\}[^{}]*$", description="The video id, with {} for the id in the file: video{}."
    )
    mapping: Path | None = Field(
        None,
        description="A file that maps the ids in the files to video ids: JSON, or MSVD's youtube_mapping.txt.",
    )


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
        description="JSON that maps a video id to its path below the folder, without suffix (NExT-QA's VidOR map).",
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
        "error", description="A video that can not be decoded: the same choices."
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


PUBLISHED_SIZES: dict[str, int] = {"msvd-1852": 1852, "msrvtt-4000": 4000, "msrvtt-5000": 5000}
"""Published sizes: all distinct train answers of MSVD-QA; the paper's and the official code's choice on MSRVTT-QA."""


class VocabularyRule(Settings):
    """The answer vocabulary of an open-ended data set, from the train split only, most frequent first."""

    keep: int | Literal["all", "msvd-1852", "msrvtt-4000", "msrvtt-5000"] = Field(
        "all", description="All answers, the most frequent ones up to a number, or a published size by its name."
    )
    min_count: int = Field(1, ge=1, description="Leave out answers that the train split gives less often.")
    unknown: Literal["leave-out", "class"] = Field(
        "leave-out",
        description="Train questions with another answer: not trained on, or trained as one more class for the "
        "unknown. At evaluation such an answer is wrong either way.",
    )

    @field_validator("keep", mode="before")
    @classmethod
    def _is_a_size(cls, value: Any) -> Any:
        sizes = ("all", *PUBLISHED_SIZES)
        if value in sizes or (isinstance(value, int) and value >= 1):
            return value
        near = difflib.get_close_matches(str(value), sizes, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"expected a number above 0 or one of {', '.join(sizes)}{hint}")

    @property
    def size(self) -> int | None:
        """The largest number of answers; None for all."""
        return self.keep if isinstance(self.keep, int) else PUBLISHED_SIZES.get(self.keep)


class Dataset(Settings):
    """Questions and answers about one collection of videos."""

    format: str = Field(
        description="The layout of the annotation files: nextqa, next-oe, msvd-qa, msrvtt-qa, custom; "
        "see docs/datasets.md."
    )
    annotations: Path = Field(description="The folder of the annotation files; for `custom` the CSV.")
    videos: str = Field(description="The name of its collection in `videos`.")
    shifted_test: str | None = Field(
        None, description="A second test split, with another distribution, that every run is also evaluated on."
    )
    answers: VocabularyRule = Field(
        VocabularyRule(),
        description="Open-ended: the answer vocabulary. A number, `all` or the name of a published size is short for "
        "`{keep: ...}`.",
    )
    tokens: str | None = Field(
        None,
        description="Dense token features of others that are imported instead of made, with {split} in the path: "
        "data/nextqa/qas_bert/bert_ft_{split}.h5.",
    )
    gold: Path | None = Field(
        None,
        description="JSON of the seconds that hold the answers: {qid: [[start, end], ...]}, or in NExT-GQA's form.",
    )
    split_shares: tuple[float, float, float] = Field(
        (0.8, 0.1, 0.1), description="`custom` without a column `split`: shares of videos in train, val and test."
    )
    split_seed: int = Field(0, description="`custom` without a column `split`: another seed deals videos otherwise.")

    @field_validator("format")
    @classmethod
    def _is_registered(cls, value: str) -> str:
        from extract.annotations import READERS

        if value not in READERS:
            raise ValueError(f"there is no format {value!r}; there are {', '.join(sorted(READERS))}")
        return value

    @field_validator("answers", mode="before", json_schema_input_type=int | str | VocabularyRule)
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"keep": value} if isinstance(value, int | str) else value

    @field_validator("tokens")
    @classmethod
    def _names_the_split(cls, value: str | None) -> str | None:
        if value is not None and "{split}" not in value:
            raise ValueError("the path has no {split} in it")
        return value

    @field_validator("split_shares")
    @classmethod
    def _shares_are_shares(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) <= 0 or abs(sum(value) - 1) > 1e-6:
            raise ValueError("three shares above 0 that add up to 1 are needed")
        return value


class Sampling(Settings):
    """Which frames of a video are looked at: K clips of T consecutive frames."""

    clips: int = Field(16, ge=1, description="K, clips a video.")
    frames: int = Field(16, ge=1, description="T, consecutive frames a clip.")
    positions: Literal["middles", "hcrn", "spread"] = Field(
        "middles",
        description="Clips around the middles of K equal parts; where the code of HCRN (from which NExT-QA's features "
        "come) puts them; or around K frames spread from the first to the last, as MSPAN's code.",
    )


RGB = tuple[float, float, float]


class Network(Settings):
    """One feature network, its weights, and the pictures that it sees."""

    network: str = Field(description="Name in the registry of feature networks, or under `networks`.")
    weights: Literal["published", "random"] | Path = Field(
        "published",
        description="`published`: the weights that belong to the network (a package, or a file in `weights_folder`); "
        "`random`: seeded random weights, for tests only, stamped on every file and table; or the path of a file.",
    )
    seed: int = Field(0, description="Seed of random weights.")
    size: int | None = Field(None, ge=16, description="Side of the square input in pixels; the network's own if empty.")
    fit: Literal["squash", "crop"] = Field(
        "squash",
        description="Make the whole frame square, or keep its proportions and cut the centre out, as the published "
        "weights were trained.",
    )
    short_side: int | None = Field(
        None, ge=16, description="With `crop`: the shorter side before cutting; what the weights ask for if empty."
    )
    resample: Literal["decoder", "bilinear", "bicubic"] = Field(
        "decoder",
        description="What resizes: the decoder, to the larger of both networks' sizes (quick), or Pillow, from the "
        "whole frame, with antialiasing.",
    )
    mean: RGB | None = Field(None, description="Subtracted from RGB values in 0..`scale`; the network's if empty.")
    std: RGB | None = Field(None, description="What is left is divided by it; the network's if empty.")
    scale: float | None = Field(None, gt=0, description="Largest RGB value; the network's if empty.")

    @model_validator(mode="after")
    def _crop_has_proportions(self) -> "Network":
        if self.fit == "crop" and self.resample == "decoder":
            raise ValueError("`fit: crop` needs `resample: bilinear` or `resample: bicubic`")
        return self


class Appearance(Network):
    """The network of the appearance features."""

    frames: Literal["middle", "mean", "max"] = Field(
        "middle", description="Of a clip: its middle frame, or the mean or the maximum of the features of all frames."
    )


class LocalNetwork(Settings):
    """A network of torchvision or of one's own, with its weights as data."""

    kind: Literal["appearance", "motion"] = Field(description="What it sees: frames, or clips.")
    builder: str = Field(
        pattern=r"^.+:\w+$",
        description="`module:function` or `path/of/a/file.py:function`; the function takes no arguments and returns a "
        "module that maps frames (N, 3, H, W), or clips (N, 3, T, H, W), to features (N, D).",
    )
    head: str | None = Field(None, description="Name of its classifier, which is taken off (`fc`, `classifier`).")
    size: int = Field(ge=16, description="Side of its input in pixels.")
    short_side: int | None = Field(None, ge=16, description="With `crop`: the shorter side before cutting.")
    mean: RGB = Field(description="Mean of RGB values in 0..`scale`.")
    std: RGB = Field(description="Their standard deviation.")
    scale: float = Field(1.0, gt=0, description="Largest RGB value, 1 or 255.")
    file: str = Field(description="Name of the file of its published weights, looked for in `weights_folder`.")
    source: str = Field(description="Where the file is published.")
    sha256: str | None = Field(None, description="The file's SHA-256, or how it begins.")
    licence: str = Field("unknown", description="Licence of the weights.")
    keys: tuple[tuple[str, str | None], ...] = Field(
        (),
        description="From the file's names to the module's: pairs of a regular expression and what it is replaced by, "
        "one after the other; nothing leaves the tensor out.",
    )


class Preset(Settings):
    """A named choice of sampling and networks; what it leaves out is as in `paper`."""

    sampling: dict[str, Any] = Field({}, description="As `sampling` of the features.")
    appearance: dict[str, Any] = Field({}, description="As `appearance` of the features.")
    motion: dict[str, Any] = Field({}, description="As `motion` of the features.")


class Features(Settings):
    """Appearance and motion features of every clip."""

    preset: str = Field(
        "paper",
        description="What is set where this configuration says nothing: `paper`, `hcrn`, `mspan` (docs/formats.md), or "
        "one of `presets`.",
    )
    presets: dict[str, Preset] = Field({}, description="Presets of your own, by name.")
    networks: dict[str, LocalNetwork] = Field({}, description="Networks of torchvision or of your own, by name.")
    sampling: Sampling = Sampling()
    appearance: Appearance = Appearance(network="resnet152")
    motion: Network = Network(network="resnext3d-101")
    weights_folder: Path = Field(Path("weights"), description="Where files of published weights are looked for.")
    storage: Literal["float16", "float32"] = Field("float16", description="Number type in the feature file.")
    shards: int = Field(16, ge=1, description="In how many parts the videos of a collection are worked on.")
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32", description="Numbers that the networks calculate with; docs/benchmarks.md has what each costs in error."
    )
    compile: bool = Field(False, description="Compile the networks with torch.compile before the first video.")
    batch: int | None = Field(
        None, ge=1, description="Videos that go through a network at once; what fits into the memory if empty."
    )

    @model_validator(mode="before")
    @classmethod
    def _over_its_preset(cls, values: Any) -> Any:
        """Lays what is given over the preset; of one's own presets only the one that is used is kept."""
        if not isinstance(values, dict):
            return values
        name, own = values.get("preset", "paper"), values.get("presets") or {}
        if name not in PRESETS and name not in own:
            raise ValueError(f"there is no preset {name!r}; known: {', '.join([*PRESETS, *own])}")
        file = PRESET_FOLDER / f"{'paper' if name in own else name}.yaml"
        base: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
        if name in own:
            over = own[name].model_dump() if isinstance(own[name], Preset) else own[name]
            base = {part: values | over.get(part, {}) for part, values in base.items()}
        merged = values | {"presets": {name: own[name]} if name in own else {}}
        for part in ("sampling", "appearance", "motion"):
            given = values.get(part, {})
            if isinstance(given, Settings):
                given = given.model_dump(exclude_unset=True)
            if isinstance(given, dict):
                merged[part] = base[part] | given
        return merged


class FineTuning(Settings):
    """Fine-tuning of the text encoder on the questions of the train split."""

    epochs: int = Field(3, ge=0, description="Passes over the train split; 0 leaves the encoder as it is.")
    steps: int | None = Field(
        None, ge=1, description="At most this many steps an epoch, over questions drawn anew; all questions if empty."
    )
    questions: int | None = Field(
        None, ge=1, description="Train on this many questions only, a fixed draw; on all if empty."
    )
    batch: int = Field(64, ge=1, description="Questions a step.")
    accumulation: int = Field(
        1, ge=1, description="Compute a step in this many parts, to save memory; the step stays the same."
    )
    learning_rate: float = Field(5e-5, gt=0, description="Peak learning rate (AdamW, linear warm-up and decay).")
    warmup: float = Field(0.1, ge=0, le=1, description="Share of the steps that warm up.")
    mixed_precision: bool = Field(
        True, description="On a GPU, calculate in bfloat16 (float16 where it has none); a CPU always takes float32."
    )
    seed: int = Field(0, description="Seed of the new head, of the order of questions and of dropout.")


class Text(Settings):
    """Token features from a BERT-type encoder."""

    encoder: str = Field(
        "bert-base-uncased", description="A name known to the model hub, a local folder, or `package:minilm`."
    )
    length: int = Field(37, ge=8, description="Longest sequence in tokens.")
    truncate: Literal["question", "end"] = Field(
        "question",
        description="What is longer loses the end of its question and keeps its candidate, or loses its own end.",
    )
    layer: Literal["last", "mean-last-four"] = Field(
        "last", description="The hidden states that become features: of the last layer, or the mean of the last four."
    )
    finetuning: FineTuning = FineTuning()
