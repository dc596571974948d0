"""Recurrent encoders of clips and tokens.

Sizes: B videos, K clips, T texts, L tokens, H hidden width per direction, D = 2H width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from base.tensors import moved
from eigv.backbones.contract import Clips, Tokens
from eigv.config.run import VideoRepresentation


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


def _ends(state: Tensor) -> Tensor:
    """Last states (2, n, H) of both directions, side by side: (n, 2H)."""
    return torch.cat([state[0], state[1]], dim=-1)


class ClipEncoder(nn.Module):
    """Linear, ReLU, dropout and a bidirectional LSTM over the clips of a video."""

    def __init__(self, features: int, hidden: int, dropout: float, representation: VideoRepresentation) -> None:
        super().__init__()
        self.linear = representation == "linear"
        embedded = 2 * hidden if self.linear else hidden
        self.embed = nn.Linear(features, embedded)
        nn.init.xavier_normal_(self.embed.weight)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.LSTM(embedded, hidden, batch_first=True, bidirectional=True)

    def forward(self, video: Tensor) -> PooledClips:
        """Clip features (B, K, Dv) to `states` = LN of all states (B, K, D), `pooled` = both last states (B, D).

        `local` is the linear layer's output, or the states.
        """
        embedded = self.embed(video)
        states, (last, _) = self.recurrent(self.dropout(F.relu(embedded)))
        states = plain_layer_norm(states)
        return PooledClips(local=embedded if self.linear else states, pooled=_ends(last), states=states)


class TokenEncoder(nn.Module):
    """Linear, ReLU, dropout and a bidirectional LSTM over the tokens of a text."""

    def __init__(self, features: int, embedded: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Linear(features, embedded)
        nn.init.xavier_normal_(self.embed.weight)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.LSTM(embedded, hidden, batch_first=True, bidirectional=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> TokenStates:
        """Token features (T, L, Dt) to `local` = LN of all states, `pooled` = both last states (not normalised).

        The result is cut to the longest text; rows of padding are 0.
        """
        # HGA drops the embedded tokens twice, independently (in the embedding and in the encoder)
        embedded = self.dropout(self.dropout(F.relu(self.embed(tokens))))
        states, (last, _) = self.recurrent(packed(embedded, lengths))
        local = unpacked(states)
        mask = valid(lengths, local.shape[1], local.device)
        return TokenStates(local=plain_layer_norm(local), pooled=_ends(last), mask=mask)
