"""Token features: the text encoder and its fine-tuning."""

from typing import Any, Literal

from pydantic import Field

from base.settings import Settings


class FineTuningSettings(Settings):
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


class TextSettings(Settings):
    """Token features from an encoder of transformers."""

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
    layout: Literal["joint", "apart"] = Field(
        "joint",
        description="Multiple choice: each candidate with its question as one text, as the encoder is fine-tuned; or "
        "the question and each candidate by itself, which `backbones.hcrn.texts: apart` reads, and no other backbone.",
    )
    finetuning: FineTuningSettings = FineTuningSettings()

    def of_encoder(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the fine-tuned encoder depends on: how it reads texts, and how it is trained, if it is."""
        training = self.finetuning.model_dump(mode="json") if self.finetuning.epochs else {"epochs": 0}
        return self.model_dump(mode="json", include={"encoder", "length", "truncate"}), training


Text = TextSettings
"""The name that it had before."""
