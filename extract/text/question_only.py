"""The question-only model: the encoder and a linear head on its pooled state; it never sees a video.

Sizes: B questions of a batch, A candidates (or classes of the vocabulary), D width of the encoder.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import torch as safetensors
from torch import Tensor, nn

from base.errors import UserError
from base.formats.vocabulary import class_numbers
from base.jobs.interruption import stop_if_asked
from base.jobs.progress import progress
from base.reading import read_json
from base.writing import write_bytes
from extract.config import TextSettings
from extract.text.encoder import has_segments, load_encoder
from extract.text.joining import summary_token
from extract.text.sequences import Questions, by_length, pad_sequences, read_questions

HEAD = "head.safetensors"


class QuestionOnly(nn.Module):
    """Scores each candidate, or classifies the question into the answer vocabulary.

    `summary` is the token whose state is read where the encoder has no pooled one (`summary_token`); None: the mean.
    """

    def __init__(self, encoder: nn.Module, outputs: int, summary: int | None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, outputs)  # type: ignore[union-attr, arg-type]
        self.outputs = outputs
        self.summary = summary
        self.segments = has_segments(encoder)

    def forward(self, inputs: dict[str, Tensor], sequences: int) -> Tensor:
        """Scores (B, A) of each candidate or each answer, from inputs (B * sequences, L)."""
        if not self.segments:
            inputs = {name: value for name, value in inputs.items() if name != "token_type_ids"}
        states = self.encoder(**inputs)
        pooled = getattr(states, "pooler_output", None)
        if pooled is None:
            pooled = self._pooled(states.last_hidden_state, inputs)
        return self.head(pooled).view(-1, sequences * self.outputs)

    def _pooled(self, states: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """One state (B, D) of those of all tokens (B, L, D)."""
        if self.summary is None:
            mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
            return (states * mask).sum(dim=1) / mask.sum(dim=1)
        at = (inputs["input_ids"] == self.summary).int().argmax(dim=1)
        return states[torch.arange(len(states), device=states.device), at]


@dataclass(frozen=True)
class LabelledQuestions:
    """The questions of a split and the number of each right answer; -1 outside the vocabulary."""

    questions: Questions
    answers: list[int]

    @classmethod
    def read(
        cls, path: Path, tokenizer: Any, text: TextSettings, classes: list[str], *, training: bool = False
    ) -> "LabelledQuestions":
        """Reads and tokenises an annotation file."""
        questions = read_questions(path, tokenizer, text)
        texts = questions.table["answer"].tolist()
        if questions.sequences > 1:
            return cls(questions, [int(answer) for answer in texts])
        return cls(questions, class_numbers(texts, classes, training=training))

    def take(self, rows: list[int]) -> "LabelledQuestions":
        """Some of the questions."""
        return LabelledQuestions(self.questions.take(rows), [self.answers[row] for row in rows])


@torch.inference_mode()
def scores(model: QuestionOnly, questions: Questions, batch: int, label: str) -> Tensor:
    """The scores (Q, A) of all questions, on the CPU, in their order; `batch` is the number of questions at a time."""
    model.eval()
    device = next(model.parameters()).device
    found = torch.empty(len(questions.tokens), model.outputs)
    todo = by_length(questions, range(len(questions.tokens)), batch * questions.sequences)
    for numbers in progress(todo, total=len(todo), label=label, unit="batch"):
        found[numbers] = model(pad_sequences(questions, numbers, device), 1).float().cpu()
        stop_if_asked()
    return found.view(len(questions), -1)


def accuracies(model: QuestionOnly, split: LabelledQuestions, batch: int) -> dict[str, float]:
    """Percentage of questions answered right: `all` of them, and those of each type."""
    predicted = scores(model, split.questions, batch, "validation").argmax(dim=1)
    correct = (predicted == torch.tensor(split.answers)).numpy()
    by_type = pd.Series(correct).groupby(split.questions.table["type"].to_numpy()).mean()
    return {"all": 100.0 * float(correct.mean())} | {str(name): 100.0 * float(v) for name, v in by_type.items()}


def save_head(model: QuestionOnly, folder: Path) -> None:
    """Writes the head beside the encoder."""
    head = {name: value.detach().cpu().contiguous() for name, value in model.head.state_dict().items()}
    write_bytes(folder / HEAD, safetensors.save(head))


def load(folder: Path) -> tuple[Any, QuestionOnly, dict[str, Any]]:
    """The tokenizer, the model and `finetuning.json` of a folder that `finetune` wrote."""
    about = read_json(folder / "finetuning.json", "the fine-tuned encoder")
    if not about["history"]:
        raise UserError(f"{folder} has not been fine-tuned (text.finetuning.epochs is 0), so it cannot answer")
    if not (folder / HEAD).is_file():
        raise UserError(f"{folder} has no {HEAD}, it was made by an older version: make it again")
    tokenizer, encoder = load_encoder(str(folder.resolve()))
    head = safetensors.load_file(folder / HEAD)
    model = QuestionOnly(encoder, len(head["bias"]), summary_token(tokenizer))
    model.head.load_state_dict(head)
    return tokenizer, model, about
