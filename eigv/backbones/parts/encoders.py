"""Recurrent encoders of clips and tokens.

Sizes: B videos, K clips, T texts, L tokens, H hidden width per direction, D = 2H width.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from base.tensors import common_dtype, moved, no_autocast
from eigv.backbones.contract import Clips, Tokens, kept_first
from eigv.backbones.parts.buckets import Buckets
from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.recurrence import CELLS
from eigv.config.run import Cell, VideoRepresentation


@dataclass(frozen=True)
class PooledClips(Clips):
    """Encoded videos with a summary of each."""

    pooled: Tensor  # (B, D)
    states: Tensor  # (B, K, D), what the backbone reads of each clip


@dataclass(frozen=True)
class TokenStates(Tokens):
    """Encoded texts with a state for each token. Rows of `local` where `mask` is False are 0."""

    local: Tensor  # (T, L, D)
    mask: Tensor  # (T, L) bool, True for a token, False for padding


def valid(lengths: Tensor, size: int, device: torch.device) -> Tensor:
    """The mask (T, size) bool, on `device`, of sequences with `lengths` (T,): True below the length."""
    return torch.arange(size, device=device) < moved(lengths, device)[:, None]


def packed(tokens: Tensor, lengths: Tensor) -> PackedSequence:
    """Sequences (T, L, D) without their padding, as recurrent layers take them; `lengths` (T,) on the host."""
    # As `pack_padded_sequence` does where they are not sorted, which waits for the device.
    order = lengths.argsort(descending=True, stable=True)
    rows, back = moved(order, tokens.device), moved(order.argsort(), tokens.device)
    data, sizes, _, _ = pack_padded_sequence(tokens.index_select(0, rows), lengths[order], batch_first=True)
    return PackedSequence(data, sizes, rows, back)


def unpacked(sequences: PackedSequence) -> Tensor:
    """The sequences (T, L, D) that `packed` took, cut to the longest; rows of padding are 0."""
    rows = sequences.unsorted_indices
    assert rows is not None
    padded, _ = pad_packed_sequence(PackedSequence(sequences.data, sequences.batch_sizes), batch_first=True)
    return padded.index_select(0, rows)


def plain_layer_norm(x: Tensor) -> Tensor:
    """Layer normalisation over the last dimension, without an affine map. A row of zeros stays one."""
    return F.layer_norm(x, x.shape[-1:])


def _ends(last: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    """Last states (2, n, H) of both directions, of an LSTM with its cells, side by side: (n, 2H)."""
    state = last[0] if isinstance(last, tuple) else last
    return torch.cat(list(state), dim=-1)


class ClipEncoder(nn.Module):
    """Linear, ReLU, dropout and a recurrent layer over the clips of a video, in both directions or `ahead` alone.

    The width D is twice `hidden` in any case: a single direction is as wide as two.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        dropout: float,
        representation: VideoRepresentation,
        cell: Cell = "lstm",
        ahead: bool = False,
    ) -> None:
        super().__init__()
        self.linear = representation == "linear"
        embedded = 2 * hidden if self.linear or ahead else hidden
        self.embed = nn.Linear(features, embedded)
        nn.init.xavier_normal_(self.embed.weight)
        self.dropout = Dropout(dropout)
        self.recurrent = _recurrent(cell, embedded, hidden, ahead)

    def map(self, video: Tensor) -> Tensor:
        """The linear layer without its bias, (..., K, Dv) to (..., K, E)."""
        return F.linear(video, self.embed.weight)

    def forward(self, mapped: Tensor, keep: Tensor | None = None) -> PooledClips:
        """What `map` gives, (B, K, E), to `states` = LN of all states (B, K, D), `pooled` = both last states (B, D).

        `local` is the linear layer's output, or the states. Of the clips, only those of `keep` (B, K) bool are read,
        at least one a video; the states of the others are 0.
        """
        embedded = mapped + self.embed.bias
        read = self.dropout.after_relu(embedded)
        if keep is None:
            states, last = self.recurrent(read)
            pooled = _ends(last)
        else:
            states, pooled = _kept_states(self.recurrent, read, keep)
        states = plain_layer_norm(states)
        return PooledClips(local=embedded if self.linear else states, pooled=pooled, states=states, mask=keep)


class TokenEncoder(nn.Module):
    """Linear, ReLU, dropout and a bidirectional recurrent layer over the tokens of a text.

    With `ahead`, there is a single direction, as wide as two, and no ReLU.
    """

    def __init__(
        self, features: int, embedded: int, hidden: int, dropout: float, cell: Cell = "lstm", ahead: bool = False
    ) -> None:
        super().__init__()
        self.ahead = ahead
        self.embed = nn.Linear(features, embedded)
        if not ahead:
            nn.init.xavier_normal_(self.embed.weight)
        # HGA drops the embedded tokens twice, independently (in the embedding and in the encoder)
        self.dropout = Dropout(dropout, times=1 if ahead else 2)
        self.recurrent = _recurrent(cell, embedded, hidden, ahead)

    def forward(self, tokens: Tensor, lengths: Tensor) -> TokenStates:
        """Token features (T, L, Dt) to `local` = LN of all states, `pooled` = both last states (not normalised).

        The result is cut to the longest text; rows of padding are 0.
        """
        states, last = read_texts(self.recurrent, tokens, lengths, self._embedded)
        mask = valid(lengths, states.shape[1], states.device)
        return TokenStates(local=plain_layer_norm(states), pooled=last, mask=mask)

    def _embedded(self, tokens: Tensor) -> Tensor:
        embedded = self.embed(tokens)
        return self.dropout(embedded) if self.ahead else self.dropout.after_relu(embedded)


def _recurrent(cell: Cell, embedded: int, hidden: int, ahead: bool) -> nn.LSTM | nn.GRU:
    """A layer that gives 2 `hidden` numbers: of both directions, or of one."""
    return CELLS[cell](embedded, 2 * hidden if ahead else hidden, batch_first=True, bidirectional=not ahead)


def _directions(recurrent: nn.LSTM | nn.GRU) -> tuple[str, ...]:
    """How the weights of a layer's directions end."""
    return ("", "_reverse") if recurrent.bidirectional else ("",)


def read_texts(
    recurrent: nn.LSTM | nn.GRU, tokens: Tensor, lengths: Tensor, embed: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """A recurrent layer over `embed` of `tokens` (T, L, Dt), of which `lengths` (T,) are valid.

    Returns all states, (T, longest, 2H), 0 where there is padding, and the last ones of its directions, (T, 2H), with H
    the width of one of two.

    On a CPU each direction is a call of its own, the second on texts that are turned around: then padding comes last in
    both, and padded texts of like lengths go through fused layers, without a packed sequence's call a token. A GPU has
    one operation for packed sequences.
    """
    if tokens.device.type != "cpu":
        states, last = recurrent(packed(embed(tokens), lengths))
        return unpacked(states), _ends(last)

    buckets = Buckets(lengths, tokens.shape[1], beside=0, overhead=48)
    sizes, tokens = buckets.sort(lengths), buckets.sort(tokens)
    directions, starts, padded = _directions(recurrent), [], 0
    read: list[list[Tensor]] = [[] for _ in directions]
    for rows, longest in buckets:
        embedded = embed(tokens[rows, :longest])  # (n, longest, D)
        turned = _turned(sizes[rows], longest)  # (n, longest)
        first = torch.arange(len(turned))[:, None] * longest
        for found, way in zip(read, directions, strict=True):
            given = embedded
            if way:
                given = embedded.flatten(0, 1).index_select(0, (first + turned).flatten()).view_as(embedded)
            found.append(_direction(recurrent, given, way).flatten(0, 1))
        starts.append(padded + first)
        padded += turned.numel()

    # The states in the order of the texts, and a row of zeros for the padding
    zero = read[0][0].new_zeros(1, recurrent.hidden_size)
    start = torch.cat(starts)  # (T, 1), where a text begins among the states
    mask = valid(sizes, longest, tokens.device)
    places = [start + torch.arange(longest), start + _turned(sizes, longest)]
    states = [
        torch.cat([*found, zero]).index_select(0, buckets.restore(place.where(mask, padded)).flatten())
        for found, place in zip(read, places, strict=False)
    ]
    ends = [torch.cat(found).index_select(0, buckets.restore(start[:, 0] + sizes - 1)) for found in read]
    return torch.cat(states, dim=-1).view(len(lengths), longest, -1), torch.cat(ends, dim=-1)


def _turned(lengths: Tensor, size: int) -> Tensor:
    """Where each token (T, size) stands in its text turned around; padding stays where it is."""
    place = torch.arange(size, device=lengths.device)
    around = lengths[:, None] - 1 - place
    return around.where(around >= 0, place)


def _kept_states(recurrent: nn.LSTM | nn.GRU, clips: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
    """All states (B, K, 2H), 0 for the clips (B, K, E) that `keep` (B, K) bool leaves out, and the last ones (B, 2H).

    Each direction reads the clips that stay first, so how many stay need not be known on the host.
    """
    K, lengths = keep.shape[1], keep.sum(dim=1)
    first = kept_first(keep)
    last = (lengths - 1)[:, None]
    place = (keep.cumsum(dim=1) - 1).clamp_min(0)  # (B, K), where a clip stands among those that stay
    found = []
    for way in _directions(recurrent):
        order, places = first, place
        if way:
            order, places = first.gather(1, _turned(lengths, K)), (last - place).clamp_min(0)
        states = _direction(recurrent, _along(clips, order), way)
        found.append(_along(states, torch.cat([places, last], dim=1)))
    both = torch.cat(found, dim=-1)  # (B, K + 1, 2H)
    return both[:, :K].masked_fill(~keep[..., None], 0), both[:, K]


def _along(rows: Tensor, index: Tensor) -> Tensor:
    """Of rows (B, K, E), those that `index` (B, n) names: (B, n, E)."""
    return rows.gather(1, index[..., None].expand(-1, -1, rows.shape[2]))


def _direction(recurrent: nn.LSTM | nn.GRU, embedded: Tensor, suffix: str) -> Tensor:
    """All states (n, L, H) of one direction of a bidirectional layer, from the first row on."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    given, *weights = common_dtype(embedded, *(getattr(recurrent, f"{name}_l0{suffix}") for name in names))
    state = given.new_zeros(1, len(given), recurrent.hidden_size)
    how = (weights, True, 1, 0.0, recurrent.training, False, True)
    with no_autocast(given):
        if isinstance(recurrent, nn.GRU):
            return torch.gru(given, state, *how)[0]
        return torch.lstm(given, (state, state), *how)[0]
