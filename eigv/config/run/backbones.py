"""Sizes of the backbones, and where one of the user's own comes from."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from base import plug
from base.settings import Settings

VideoRepresentation = Literal["linear", "recurrent"]
Cell = Literal["lstm", "gru"]

Retired = Annotated[Literal[False], BeforeValidator(lambda value: False), SkipJsonSchema()]
"""A switch that is gone: whatever a file made before says of it is read over.

It stays among the settings of a run, since these say what is rerun: without it every run would be trained anew.
"""


class AmuSettings(Settings):
    """Sizes of the AMU backbone (docs/systems.md)."""

    hidden: int = Field(256, ge=1, description="Width of what clips and words are mapped to, and of a fused state.")
    words: int | None = Field(
        300, ge=1, description="Width of the embedded token features; empty: they are read as they are (word vectors)."
    )
    official_padding: bool = Field(
        False,
        description="As the published code: padding is read as words of zeros, so that an answer depends on the "
        "longest text of its batch.",
    )


class BlockFusionSettings(Settings):
    """Bilinear fusion with block-diagonal low-rank factors (Ben-younes et al., 2019)."""

    width: int = Field(1600, ge=1, description="Width of the factor space.")
    chunks: int = Field(20, ge=1, description="Blocks that the factor space is cut into.")
    rank: int = Field(15, ge=1, description="Rank of each block.")
    normalise: Literal["each", "joined"] = Field(
        "each", description="L2 normalisation of each chunk, as in EIGV, or of all chunks joined."
    )


class ComemSettings(Settings):
    """Sizes of the Co-Mem backbone, as EIGV uses it or as published."""

    hidden: int = Field(256, ge=1, description="Width of a recurrent state of the clips; two a stream make a memory.")
    words: int = Field(768, ge=1, description="Width of the embedded token features.")
    text_layers: int = Field(1, ge=1, description="Recurrent layers over tokens; their last states make the question.")
    episodes: int = Field(3, ge=1, description="Rounds of memory updates.")
    projection: int | None = Field(
        None, ge=1, description="Width of the projection head; without it, that of the answer representation."
    )
    video_representation: VideoRepresentation = Field(
        "linear",
        description="What the grounding indicator looks at: a linear layer's output, which the recurrent layers then "
        "read, or (official code) the recurrent layers' states, which read the features.",
    )
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout of the embedded tokens.")
    text_dropout: float = Field(0.5, ge=0, lt=1, description="Dropout between the recurrent layers over tokens.")
    official_detached_start: bool = Field(
        False, description="As the official code: no gradient through the co-memory that the episodes start from."
    )
    network: Literal["eigv", "published"] = Field(
        "eigv",
        description="As EIGV uses it: GRU layers, words embedded with ReLU, a linear layer after the co-memories; or "
        "as published: LSTM layers and neither.",
    )


class HcrnSettings(Settings):
    """Sizes of the HCRN backbone (docs/systems.md)."""

    hidden: int = Field(512, ge=2, multiple_of=2, description="Width d of objects, conditions and encoded texts.")
    words: int | None = Field(
        300, ge=1, description="Width of the embedded token features; empty: they are read as they are (word vectors)."
    )
    texts: Literal["joint", "apart"] = Field(
        "joint",
        description="Multiple choice: question and candidate are one text, as other backbones read them; or, as "
        "published, each by itself, from token features that hold them so (`text.layout: apart`).",
    )
    subsets: int = Field(1, ge=1, description="Subsets of each size that a relation looks at; HCRN's `spl_resolution`.")
    dropout: float = Field(0.15, ge=0, lt=1, description="Dropout of token features, read objects and answer layers.")
    text_dropout: float = Field(0.18, ge=0, lt=1, description="Dropout of encoded texts.")
    official_random_subsets: bool = Field(
        False,
        description="As the published code: subsets are drawn anew in evaluation, too, so that accuracies are random. "
        "Else evaluation has those that were drawn once, from the run's seed.",
    )


class HgaSettings(Settings):
    """Sizes of the HGA backbone, as EIGV uses it or as published."""

    hidden: int = Field(
        256,
        ge=1,
        description="Width of a recurrent state, per direction; two are the width d. With `co_attention`, half of d.",
    )
    words: int = Field(768, ge=1, description="Width of the embedded token features.")
    video_representation: VideoRepresentation = Field(
        "linear",
        description="What the grounding indicator looks at: a linear layer's output of width d, or (official code) the "
        "normalised states of the recurrent layer above one of half the width.",
    )
    cell: Cell = Field(
        "lstm", description="Recurrent cells over clips and tokens; those of IGV's official code are gru."
    )
    graph_layers: int = Field(2, ge=1, description="Graph convolutions over tokens and clips.")
    fusion: BlockFusionSettings = BlockFusionSettings()
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout of inputs, graph layers and fusion.")
    official_softmax_over_padding: bool = Field(
        False,
        description="As the official code: padding takes its share of the pooling softmax, so that an answer depends "
        "on the longest text of its batch. With `co_attention` there is no such softmax.",
    )
    co_attention: bool = Field(
        False,
        description="As its authors published it: tokens and clips attend to each other before they are nodes, the "
        "graph is pooled by a sum, texts and videos are read in one direction, and words are embedded without ReLU. "
        "EIGV wraps a form without all that.",
    )
    official_frozen_maps: bool = Field(
        False,
        description="As the authors' code: the maps of `co_attention` keep the values they are drawn with, and in "
        "training their weights are dropped.",
    )


class HmeSettings(Settings):
    """Sizes of the HME backbone (docs/systems.md)."""

    hidden: int = Field(256, ge=1, description="Width of a recurrent state; two layers a stream are the width d.")
    words: int | None = Field(
        300, ge=1, description="Width of the embedded token features; empty: they are read as they are (word vectors)."
    )
    attention: int = Field(256, ge=1, description="Width of the attention of the question over clips.")
    clip_slots: int = Field(16, ge=1, description="Slots of the visual memory.")
    text_slots: int = Field(37, ge=1, description="Slots of the text memory.")
    rounds: int = Field(3, ge=2, description="Rounds of reasoning over both memories.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout of the embedded tokens and between rounds.")
    text_dropout: float = Field(0.5, ge=0, lt=1, description="Dropout between the recurrent layers over tokens.")
    reading: Literal["once", "twice"] = Field(
        "once",
        description="Videos and texts are read by themselves, each once; or (authors' open-ended code) the text, then "
        "the video from where the text ends, then the text again from where the video ends. Then nothing of a video is "
        "shared between its questions, and a step costs several times as much.",
    )
    official_shared_map: bool = Field(
        False,
        description="As NExT-QA's code: what the question finds in appearance and in motion goes through one map.",
    )


class MspanSettings(Settings):
    """Sizes of the MSPAN backbone, as EIGV uses it."""

    hidden: int = Field(256, ge=1, description="Width of a recurrent state of the tokens, per direction.")
    scales: int = Field(2, ge=1, description="Temporal scales: clips are max-pooled over windows of 1, 2, ... clips.")
    rounds: int = Field(2, ge=1, description="Passes through all scales, down and up.")
    graph_layers: int = Field(2, ge=1, description="Graph convolutions within a scale, in every pass.")
    activation: Literal["elu", "relu"] = Field("elu", description="Activation where clips and question are fused.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout everywhere but in the final attention.")
    attention_dropout: float = Field(0.2, ge=0, lt=1, description="Dropout in the final attention over clips.")
    official_text_layers: Retired = False  # were layers that nothing reads
    official_soft_mask: bool = Field(
        False, description="As the official code: nodes that are no neighbours take part in attention, with score 0."
    )
    official_batch_statistics: bool = Field(
        False,
        description="As the official code: the contrasted pairs take part in the running statistics of the answer "
        "head's batch normalisation, which answers at inference.",
    )
    official_adjacency: bool = Field(
        False, description="As the official code: the last of the overlapping windows of two scales is no neighbour."
    )


class BackbonesSettings(Settings):
    """Sizes of each backbone."""

    amu: AmuSettings = AmuSettings()
    comem: ComemSettings = ComemSettings()
    hcrn: HcrnSettings = HcrnSettings()
    hga: HgaSettings = HgaSettings()
    hme: HmeSettings = HmeSettings()
    mspan: MspanSettings = MspanSettings()


class Plugin(Settings):
    """A backbone of the user's own (docs/method.md)."""

    code: str = Field(pattern=plug.PATTERN, description="Its class: `path/of/a/file.py:Class`, or `module:Class`.")
    settings: dict[str, Any] = Field({}, description="Its settings, in the keys that it declares.")

    @model_validator(mode="before")
    @classmethod
    def _names_its_class(cls, value: Any) -> Any:
        if isinstance(value, dict) and "file" in value:
            raise ValueError(
                f"a file alone does not say which class it is: write `code: {value['file']}:NAME_OF_THE_CLASS` in the "
                "place of `file`, and in the class `settings_type = ...` in the place of `@register(...)` above it"
            )
        return value
