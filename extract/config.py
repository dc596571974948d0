"""Settings of the extraction: where videos and annotations lie, and how features are made of them."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from extract.settings import Settings


class VideoCollection(Settings):
    """Raw videos in one folder. Data sets that share a collection share its features."""

    folder: Path = Field(description="The folder of the video files.")
    mapping: Path | None = Field(
        None,
        description="JSON that maps a video id to its path below the folder, without suffix (NExT-QA's VidOR map).",
    )
    missing: Literal["error", "skip", "zeros"] = Field(
        "error",
        description="A video that the annotations ask for and that is not there: stop, leave its questions out "
        "(and count them), or give it zeros as features.",
    )
    unreadable: Literal["error", "skip", "zeros"] = Field(
        "error", description="A video that can not be decoded: the same choices."
    )


class Dataset(Settings):
    """Questions and answers about one collection of videos."""

    format: Literal["nextqa", "msvd-qa", "msrvtt-qa"] = Field(description="The layout of the annotation files.")
    annotations: Path = Field(description="The folder of the annotation files.")
    videos: str = Field(description="The name of its collection in `videos`.")
    shifted_test: str | None = Field(
        None, description="A second test split, with another distribution, that every run is also evaluated on."
    )
    answers: Literal["all"] | int = Field(
        "all",
        description="Open-ended: size of the answer vocabulary, the most frequent answers of the train split. "
        "Questions with other answers are not trained on and count as wrong.",
    )


class Sampling(Settings):
    """Which frames of a video are looked at: K clips of T consecutive frames."""

    clips: int = Field(16, ge=1, description="K, clips a video.")
    frames: int = Field(16, ge=1, description="T, consecutive frames a clip.")
    positions: Literal["middles", "hcrn"] = Field(
        "middles",
        description="Clips around the middles of K equal parts, or where the code of HCRN (from which NExT-QA's "
        "features come) puts them.",
    )


class Network(Settings):
    """One feature network and its weights."""

    network: str = Field(description="Name in the registry of feature networks.")
    weights: Literal["published", "random"] | Path = Field(
        "published",
        description="`published`: the weights that belong to the network (a package, or a file in `weights_folder`); "
        "`random`: seeded random weights, for tests only, stamped on every file and table; or the path of a file.",
    )
    seed: int = Field(0, description="Seed of random weights.")
    size: int | None = Field(None, ge=16, description="Side of the square input in pixels; the network's own if empty.")


class Features(Settings):
    """Appearance and motion features of every clip."""

    sampling: Sampling = Sampling()
    appearance: Network = Network(network="resnet152")
    motion: Network = Network(network="resnext3d-101")
    weights_folder: Path = Field(Path("weights"), description="Where files of published weights are looked for.")
    storage: Literal["float16", "float32"] = Field("float16", description="Number type in the feature file.")
    shards: int = Field(16, ge=1, description="In how many parts the videos of a collection are worked on.")


class FineTuning(Settings):
    """Fine-tuning of the text encoder on the questions of the train split."""

    epochs: int = Field(3, ge=0, description="Passes over the train split; 0 leaves the encoder as it is.")
    steps: int | None = Field(
        None, ge=1, description="At most this many steps an epoch, over questions drawn anew; all questions if empty."
    )
    batch: int = Field(64, ge=1, description="Questions a step.")
    learning_rate: float = Field(5e-5, gt=0, description="Peak learning rate (AdamW, linear warm-up and decay).")
    warmup: float = Field(0.1, ge=0, le=1, description="Share of the steps that warm up.")
    seed: int = Field(0, description="Seed of the new head, of the order of questions and of dropout.")


class Text(Settings):
    """Token features from a BERT-type encoder."""

    encoder: str = Field(
        "bert-base-uncased", description="A name known to the model hub, a local folder, or `package:minilm`."
    )
    length: int = Field(37, ge=8, description="Longest sequence in tokens; longer questions are cut, candidates kept.")
    finetuning: FineTuning = FineTuning()
