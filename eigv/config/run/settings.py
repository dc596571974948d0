"""The settings of one run: backbones, the modules of EIGV, optimisation, inference. One place for every default."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from base import layers, plug
from base.settings import Settings
from eigv.config.faithful import FaithfulSettings, PartsSettings
from eigv.config.igv import DEFAULTS as IGV
from eigv.config.igv import IgvSettings
from eigv.config.methods import METHODS
from eigv.config.names import AnswerLoss, BackboneName, Exclude, FeatureChoice, MethodName
from eigv.config.training import TrainingSettings

VideoRepresentation = Literal["linear", "recurrent"]
Cell = Literal["lstm", "gru"]
Environment = Literal["zeroed", "dropped"]

SECTIONS = ("backbones", "eigv", "training", "inference")
"""The groups of settings that a run is made of."""

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


class GroundingSettings(Settings):
    """The grounding indicator (Eq. 6-9)."""

    temperature: float = Field(0.9, gt=0, description="Temperature of Gumbel-Softmax; it scales gradients only.")
    query: Literal["question", "answer"] = Field(
        "question",
        description="What the indicator is asked with in multiple choice: the question, as the mean of its candidates' "
        "encoded texts (each holds question and candidate), or (official code) the text with the right candidate, at "
        "inference the predicted one.",
    )
    logits: Literal["attention", "products"] = Field(
        "attention",
        description="What Eq. 8 takes for its logits: the attention of Eq. 6-7, as the paper has it, whose differences "
        "are never more than 1, so that noise outweighs them; or the inner products before their softmax.",
    )
    scaled: bool = Field(
        False, description="Divide the inner products of Eq. 6-7 by the square root of the width, as the official code."
    )
    never_empty: bool = Field(
        False,
        description="Where a scene would have no clip, it has the one that is likeliest to be its own; true for the "
        "method igv. Else an empty causal scene stays so: its answer is that of clips of zeros.",
    )
    official_sum_mask: bool = Field(
        False,
        description="As the official code: a clip whose encoded features sum to exactly 0 in float32 is taken for "
        "padding. With HGA, whose clips are layer-normalised, rounding decides: the result depends on the machine.",
    )


class IntervenerSettings(Settings):
    """The intervener (Eq. 10-14)."""

    alpha: float = Field(1.0, gt=0, description="The equivariant mixing ratio is drawn from Beta(alpha, alpha).")
    alpha_environment: float = Field(
        1.0, gt=0, description="The invariant mixing ratio is drawn from Beta(this, this); 1 is U(0, 1)."
    )
    ratios: Literal["sample", "batch"] = Field(
        "sample", description="Draw the ratios for each sample, or (official code) once a batch."
    )
    candidates: Literal["mixed", "both"] = Field(
        "mixed",
        description="Multiple choice: score v* with the mixed candidates of Eq. 11, or (official code) with the "
        "candidates of both samples as they are.",
    )
    question: Literal["encoded", "tokens"] = Field(
        "encoded",
        description="Mix encoded questions, or (official code, HGA on MSVD-QA) token features, to be encoded again.",
    )
    length: Literal["longer", "own"] = Field(
        "longer", description="A mixed text is as long as the longer of the two, or (official code) as the own one."
    )


class DisruptorSettings(Settings):
    """The disruptor and its memory bank (Eq. 15-17)."""

    negatives: int = Field(5, ge=1, description="N, negatives of each kind for an anchor.")
    exclude: Exclude = Field(
        "own-videos",
        description="Substitutes do not come from the videos of the sample and of its partner, or (footnote 1) from no "
        "video that shares the answer of either.",
    )
    questions: Literal["others", "permuted"] = Field(
        "others",
        description="Questions of negatives: of other samples, or (official code) a permutation of all, the own "
        "question included.",
    )
    random_question: Literal["sample", "mixed"] = Field(
        "sample",
        description="The random question q_r: of a sample that is not in the anchor's mix, as it is, or (official "
        "code) another sample's mixed question, which may hold the anchor's own.",
    )
    owners: Literal["own", "shuffled"] = Field(
        "own",
        description="An anchor meets its own negatives, or (official code) for most anchors those of other samples.",
    )


class ObjectiveSettings(Settings):
    """The objective (Eq. 18-20)."""

    answer: AnswerLoss = Field(
        "cross-entropy",
        description="What is learnt from answers. Published systems differ: hinge (HME on NExT-QA: 1 + wrong - "
        "right where that is positive, the mean over wrong candidates), summed-hinge (HCRN: summed over candidates and "
        "questions of a batch), log-loss (AMU: each class by itself, right or not). All but cross-entropy need one "
        "right answer: methods that mix samples, whose targets are distributions (Eq. 19), are refused.",
    )
    beta: float = Field(0.75, ge=0, description="Weight of the contrastive loss.")
    similarity: Literal["dot", "cosine"] = Field("dot", description="Similarity of two answer representations.")
    temperature: float = Field(1.0, gt=0, description="Divides the similarities.")
    projection_head: bool = Field(
        False,
        description="Contrast the answer representations as they are, or (official code) after a projection head.",
    )


class EigvSettings(Settings):
    """The three modules of EIGV and their objective, and what makes rationales true."""

    grounding: GroundingSettings = GroundingSettings()
    intervener: IntervenerSettings = IntervenerSettings()
    disruptor: DisruptorSettings = DisruptorSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    parts: PartsSettings = PartsSettings()
    faithful: FaithfulSettings = FaithfulSettings()
    igv: IgvSettings = IgvSettings()


class InferenceSettings(Settings):
    """How a trained model answers."""

    answer_from: Literal["video", "causal-scene"] = Field(
        "video",
        description="What the reported answer is read from; both are evaluated. By default causal-scene for the method "
        "igv.",
    )
    environment: Environment = Field(
        "zeroed",
        description="What becomes of the environment's clips where an answer is read from the causal scene: zeros in "
        "their places, or the backbone encodes the causal clips alone. By default dropped for the method igv, which "
        "trains so.",
    )
    faithfulness: int = Field(
        500,
        ge=0,
        description="On how many questions of a split, evenly spread, it is measured whether answers rest on the "
        "rationales (docs/rationales.md); 0 is not at all. Each costs as much as 29 answers.",
    )
    noise_draws: int = Field(
        0,
        ge=0,
        description="How often the causal scenes of a split are drawn with Gumbel noise as well, as in training: "
        "metrics.json then has mean and deviation of the accuracies from them. IGV's official code answers from one "
        "such draw; with preset official, 5 for the method igv.",
    )


class RunSettings(Settings):
    """Everything that decides the numbers of one run, and nothing else."""

    backbone: BackboneName
    method: MethodName
    features: FeatureChoice
    seed: int = Field(ge=0)
    backbones: BackbonesSettings = BackbonesSettings()
    plugin: Plugin | None = Field(None, description="Where the backbone comes from, if it is not one of ours.")
    eigv: EigvSettings = EigvSettings()
    training: TrainingSettings = TrainingSettings()
    inference: InferenceSettings = InferenceSettings()

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_method(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("method") == "igv":
            return layers.over(IGV, values)
        return values

    @model_validator(mode="after")
    def _learns_from_targets_that_its_loss_has(self) -> "RunSettings":
        how = METHODS[self.method]
        if how.mix != "none" and (loss := self.eigv.objective.answer) != "cross-entropy":
            plain = ", ".join(name for name, other in METHODS.items() if other.mix == "none")
            raise ValueError(
                f"`eigv.objective.answer: {loss}` needs one right answer, and the method {self.method} mixes samples, "
                "whose targets are distributions (Eq. 19): set it under `overrides` for methods that do not mix: "
                f"{plain}"
            )
        return self
