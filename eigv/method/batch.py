"""One batch of questions, as a model sees it.

Sizes: B batch, K clips, L tokens, A answers to choose from, T = B * A texts (open-ended: A = 1, T = B).
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from base.tensors import moved
from eigv.backbones.contract import Backbone, Tokens


@dataclass(frozen=True)
class Batch:
    """Questions about videos. Padding never carries meaning: `lengths` says what is valid.

    Multiple choice has `candidates` texts a sample ("question + candidate"), those of sample i in rows
    i*A .. i*A + A - 1; where `questions` are set, these texts are the candidates alone. Open-ended has one text a
    sample and `candidates` is 1.
    """

    video: Tensor  # (B, K, Dv) float32, clip features; where `video_row` is set, of as many videos as it names
    tokens: Tensor  # (T, L, Dt), token features, padded at the end
    lengths: Tensor  # (T,) int64, at least 1; on the host
    answer: Tensor  # (B,) int64, the right candidate or class; -1: an answer outside the vocabulary (evaluation only)
    excluded: Tensor  # (B, E) int64, rows of the memory bank that may not disrupt the sample; -1 is none; on the host
    candidates: int  # A
    qids: list[str]
    gold: Tensor | None = None  # (B, K) bool, the clips of the gold spans; None where nobody asks for them
    questions: Tensor | None = None  # (B, L', Dt), token features of the questions alone, for texts that are apart
    question_lengths: Tensor | None = None  # (B,) int64, theirs; on the host
    video_row: Tensor | None = None  # (B,) int64, the row of `video` that each sample asks about (evaluation only)

    @property
    def size(self) -> int:
        """B."""
        return self.answer.shape[0]

    @property
    def video_of(self) -> Tensor:
        """The row of `video` of each sample (B,): its own, unless samples share videos."""
        return torch.arange(self.size, device=self.video.device) if self.video_row is None else self.video_row

    @property
    def multiple_choice(self) -> bool:
        """Whether the answer is one of the sample's own candidates."""
        return self.candidates > 1

    def text_of(self, candidate: Tensor) -> Tensor:
        """The row of the text that holds `candidate` (B,) of each sample: (B,); open-ended: the question's row."""
        first = torch.arange(self.size, device=candidate.device) * self.candidates
        return first + candidate if self.multiple_choice else first

    def encoded_by(self, backbone: Backbone[Any, Any]) -> Tokens:
        """The texts, encoded: T rows, whether they are joint or apart."""
        if self.questions is None or self.question_lengths is None:
            texts: Tokens = backbone.encode_tokens(self.tokens, self.lengths)
        else:
            texts = backbone.encode_apart(self.questions, self.question_lengths, self.tokens, self.lengths)
        return texts

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch with its tensors on `device`, but for those that shapes and draws are decided by."""
        return replace(
            self,
            video=moved(self.video, device),
            tokens=moved(self.tokens, device),
            questions=None if self.questions is None else moved(self.questions, device),
            answer=moved(self.answer, device),
            video_row=None if self.video_row is None else moved(self.video_row, device),
        )
