"""The modules of EIGV and their objective."""

from typing import Literal

from pydantic import Field

from base.settings import Settings
from eigv.config.names import AnswerLoss, Exclude
from eigv.config.run.faithful import FaithfulSettings, PartsSettings
from eigv.config.run.igv import IgvSettings


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
