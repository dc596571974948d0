"""Co-attention of the published HGA: tokens look at clips and clips at tokens before both become nodes.

Sizes: B videos, K clips, T texts, L tokens, D width, n pairs of a video and a text, l longest text of theirs.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.encoders import plain_layer_norm


class Side(NamedTuple):
    """What co-attention needs of videos or of texts, whoever their partners are; N clips or tokens of n each."""

    states: Tensor  # (n, N, D)
    compared: Tensor  # (n, N, D), whose inner products with the other side's are the scores
    given: Tensor  # (n, N, D), what those who look find
    mask: Tensor | None  # (n, N) bool, which are there; None: all

    def select(self, index: Tensor, longest: int) -> "Side":
        """The rows `index` (n,), of each the first `longest`."""

        def rows(x: Tensor) -> Tensor:
            return x[:, :longest].index_select(0, index)

        mask = None if self.mask is None else rows(self.mask)
        return Side(rows(self.states), rows(self.compared), rows(self.given), mask)


class CoAttention(nn.Module):
    """With s = W_q q (W_v v)^T / sqrt(D) of tokens q and clips v,

        q <- LN(q + W_fq softmax_clips(s) W_vv v), v <- LN(v + W_fv softmax_tokens(s^T) W_vq q).

    With `frozen`, a probability, the maps stay as they are drawn, and in training their weights are dropped with it: as
    the published code, which hands the optimiser other tensors than it computes with.
    """

    def __init__(self, width: int, frozen: float | None = None) -> None:
        super().__init__()
        self.of_question, self.of_video, self.from_question, self.from_video, self.to_question, self.to_video = (
            nn.Linear(width, width, bias=False) for _ in range(6)
        )
        self.dropped = Dropout(frozen or 0.0)
        self.requires_grad_(frozen is None)

    def of_tokens(self, states: Tensor, mask: Tensor) -> Side:
        """Token states (T, L, D), of which `mask` (T, L) bool are there. Both maps of what clips find are one."""
        return self._side(states, mask, self.of_question, (self.from_question, self.to_video))

    def of_clips(self, states: Tensor, mask: Tensor | None) -> Side:
        """Clip states (B, K, D), of which `mask` (B, K) bool are there."""
        return self._side(states, mask, self.of_video, (self.from_video, self.to_question))

    def forward(self, tokens: Side, clips: Side) -> tuple[Tensor, Tensor]:
        """Of n pairs, the tokens (n, l, D) after they have looked at the clips, and the clips (n, K, D) likewise.

        What is not there becomes 0.
        """
        scores = torch.bmm(tokens.compared, clips.compared.transpose(1, 2)) * tokens.states.shape[2] ** -0.5
        return _looked(tokens, clips, scores), _looked(clips, tokens, scores.transpose(1, 2))

    def _side(self, states: Tensor, mask: Tensor | None, compare: nn.Linear, give: tuple[nn.Linear, nn.Linear]) -> Side:
        compared, first, second = (self.dropped(x.weight) for x in (compare, *give))
        return Side(states, F.linear(states, compared), F.linear(states, second @ first), mask)


def _looked(those: Side, others: Side, scores: Tensor) -> Tensor:
    """What becomes of `those`, by their `scores` (n, N, M) with the others."""
    if others.mask is not None:
        scores = scores.masked_fill(~others.mask[:, None], -torch.inf)
    found = torch.bmm(scores.softmax(dim=2).to(others.given.dtype), others.given)
    looked = plain_layer_norm(those.states + found)
    return looked if those.mask is None else looked * those.mask[..., None]
