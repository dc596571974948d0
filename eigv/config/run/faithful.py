"""Settings of rationales that are true: a predictor that knows parts of videos, and an indicator that learns on it.

docs/rationales.md has the objective and says when to change what.
"""

from typing import Literal

from pydantic import Field

from base.settings import Settings


class PartsSettings(Settings):
    """Random parts of the videos in training, so that a model has an answer for any choice of clips."""

    weight: float = Field(1.0, gt=0, description="Weight of the answer loss on random parts, beside that on the whole.")


class FaithfulSettings(Settings):
    """The indicator that learns which clips a trained, frozen model needs for its answer."""

    predictor: Literal["parts", "erm", "mixup", "disrupt-q"] = Field(
        "parts", description="The method that has trained the model which is explained."
    )
    epochs: int = Field(6, ge=1, description="Passes over the train split.")
    learning_rate: float = Field(5e-3, gt=0, description="Learning rate of Adam.")
    temperature: float = Field(1.0, gt=0, description="Temperature of Gumbel-Softmax; it scales gradients only.")
    completeness: float = Field(
        1.0,
        ge=0,
        description="Weight of the demand that the other clips do not hold the answer. 0 where the environment "
        "predicts it: then they do, and everything would be chosen.",
    )
    price: float = Field(2.0, ge=0, description="Price of the share of clips that are chosen.")
    gated: bool = Field(True, description="Ask the price only as far as the chosen clips give the answer.")
    budget: float = Field(0.0, ge=0, lt=1, description="The share of clips that is free of charge.")
    contiguity: float = Field(0.3, ge=0, description="Price of each change between chosen and not chosen, per clip.")
    smoothed: bool = Field(
        False,
        description="Smooth the scenes, where they last longer than a clip: a clip between two chosen ones is chosen "
        "too, then single clips beside longer runs are left out.",
    )
    folds: int = Field(
        1,
        ge=1,
        description="From 2 on, the train videos are dealt into so many parts, and for each part a further model is "
        "trained, by the method of `predictor`, on the others. The indicator learns from each question by the answers "
        "of the model that has not seen its video, and questions that this model answers wrongly count more: where the "
        "environment predicts the answer, the scene is learnt from them.",
    )
    labelled: float = Field(
        0.0,
        ge=0,
        le=1,
        description="The share of the train videos, drawn by the seed, whose gold spans the indicator learns from too. "
        "Needs `gold` of the data set.",
    )
    label_weight: float = Field(1.0, gt=0, description="Weight of the gold spans, where there are some.")
