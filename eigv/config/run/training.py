"""Settings of optimisation."""

from typing import Any, Literal

from pydantic import Field, model_validator

from base.settings import Settings


class TrainingSettings(Settings):
    """Optimisation (section 5.1)."""

    epochs: int = Field(80, ge=1, description="Passes over the train split.")
    questions: int | None = Field(
        None, ge=1, description="At most this many questions an epoch, drawn anew each time; all if empty."
    )
    checked_questions: int = Field(
        1000,
        ge=1,
        description="After each epoch, for `clean_accuracy`: at most this many questions of train, spread over it, and "
        "no more than validation has.",
    )
    batch: int = Field(128, ge=1, description="Questions a batch: those that are mixed with each other.")
    accumulate: int = Field(
        1,
        ge=1,
        description="Batches a step, whose gradients are summed to that of the mean loss of all their questions. What "
        "a batch shares (mixing, questions of negatives, batch normalisation) stays within it.",
    )
    optimiser: Literal["adam", "adamw"] = Field(
        "adam", description="Adam, or with weight decay apart from the gradient (AdamW)."
    )
    learning_rate: float = Field(5e-5, gt=0, description="Initial learning rate.")
    warmup_steps: int = Field(
        0, ge=0, description="Steps over which the learning rate rises linearly: to its nth part in the first of n."
    )
    weight_decay: float = Field(
        0.0, ge=0, description="Of Adam: an L2 penalty, added to the gradient. Of AdamW: taken from the weights."
    )
    clip_norm: float | None = Field(
        None, gt=0, description="Gradients are scaled down to this norm (of all together) where theirs is larger."
    )
    decay_at: int = Field(
        5,
        ge=1,
        description="The learning rate is lowered at this many epochs in a row without a better validation accuracy.",
    )
    decay_factor: float = Field(0.5, gt=0, lt=1, description="What the learning rate is then multiplied by.")
    precision: Literal["float32", "tf32", "bf16", "auto"] = Field(
        "float32",
        description="What products are calculated in: float32, the same on every machine; tf32 (GPUs); bf16, with "
        "weights, losses and optimiser in float32; auto, bf16 where the device has matrix units for it, else float32.",
    )
    compile: bool = Field(
        False,
        description="Chains of small operations go through torch.compile, for fewer launches on a GPU; the last digits "
        "may differ, also after a kill. Where that fails, trainings go on without, and say so.",
    )
    stop_after: int | None = Field(
        None,
        ge=1,
        description="Training ends at this many epochs in a row without a better validation accuracy; else after "
        "`epochs`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _counts_stale_epochs(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("patience"), int):
            raise ValueError(
                f"`patience` counted the epochs before the one at which the rate falls: write `decay_at: "
                f"{value['patience'] + 1}` in its place (the paper's is 5)"
            )
        return value
