"""How HME looks at clips and asks its memories.

Sizes: S = 2 streams, B videos, K clips, T texts, L tokens, P pairs, H hidden width, A width of the attention.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.long_recurrence import States, first_step, step
from eigv.backbones.parts.streams import StreamLinear


class TemporalAttention(nn.Module):
    """Clips of each stream under the question: they weigh softmax(v tanh(Wq q + Wv x + b))."""

    def __init__(self, width: int, attention: int) -> None:
        super().__init__()
        self.asked, self.seen = StreamLinear(width, attention), StreamLinear(width, attention)
        for layer in (self.asked, self.seen):
            for weight in layer.weight.data:
                nn.init.xavier_normal_(weight)
        self.score = nn.Parameter(torch.empty(2, attention, 1))
        nn.init.normal_(self.score, std=(2 / (attention + 1)) ** 0.5)  # Xavier's, of a map to one number

    def weights(self, streams: Tensor, asked: Tensor, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """What streams have of clips (S, B, K, D) and questions (T, D) to the weights of pairs: (S, P, K)."""
        keys = self.seen(streams.flatten(1, 2)).unflatten(1, streams.shape[1:3])  # (S, B, K, A)
        queries = self.asked(asked.expand(2, -1, -1))  # (S, T, A)
        joined = keys.index_select(1, clip_index) + queries.index_select(1, token_index)[:, :, None]
        scores = torch.bmm(joined.tanh().flatten(1, 2), self.score.to(joined.dtype))
        return scores.view(joined.shape[:3]).softmax(dim=2).to(joined.dtype)

    def forward(self, streams: Tensor, asked: Tensor, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """The weighed sums: (S, P, D)."""
        weights = self.weights(streams, asked, clip_index, token_index)
        found = torch.bmm(weights.flatten(0, 1)[:, None], streams.index_select(1, clip_index).flatten(0, 1))
        return found.view(2, len(clip_index), -1)


class Reasoning(nn.Module):
    """Rounds over both memories: two LSTM cells, whose upper state asks each memory for its share.

    o = tanh(Wh h + b_v Es u + b_t Et w + b) with u and w what the memories of video and text give, b_v and b_t how they
    weigh; the next round reads Dropout(tanh(L2 [h; o])), the first one what the video ends with.
    """

    def __init__(self, width: int, rounds: int, dropout: float) -> None:
        super().__init__()
        self.width, self.rounds = width, rounds
        self.lower, self.upper = nn.LSTMCell(width, width), nn.LSTMCell(width, width)
        self.first, self.again = nn.Linear(2 * width, width), nn.Linear(2 * width, width)
        nn.init.xavier_normal_(self.first.weight)
        nn.init.xavier_normal_(self.again.weight)
        self.dropout = Dropout(dropout)
        self.keys_seen, self.keys_read = nn.Linear(width, width), nn.Linear(width, width)
        self.asks_seen, self.asks_read = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.score_seen, self.score_read = nn.Linear(width, 1, bias=False), nn.Linear(width, 1, bias=False)
        self.of_state = nn.Linear(width, width)
        self.share_of_state = nn.Linear(width, width, bias=False)
        self.share_seen, self.share_read = nn.Linear(width, width), nn.Linear(width, width)
        self.share = nn.Linear(width, 1, bias=False)
        self.seen, self.read = nn.Linear(width, width), nn.Linear(width, width)
        wide = (self.keys_seen, self.keys_read, self.asks_seen, self.asks_read, self.score_seen, self.score_read)
        for layer in (*wide, self.of_state):
            nn.init.normal_(layer.weight, std=0.1)
        for layer in (self.share_of_state, self.share_seen, self.share_read, self.share):
            nn.init.normal_(layer.weight, std=0.01)
        for layer in (self.keys_seen, self.keys_read, self.of_state, self.share_seen, self.share_read):
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        ends: Tensor,
        clips: Tensor,
        tokens: Tensor,
        mask: Tensor,
        clip_index: Tensor,
        token_index: Tensor,
    ) -> Tensor:
        """The states of both cells after all rounds, (P, 2H).

        `ends` (B, 2H) is what videos end with; `clips` (B, K, H), `tokens` (T, L, H) with `mask` (T, L) the memories.
        """
        lower = first_step(_mapped(self.lower, self.dropout(self.first(ends).tanh())))
        upper = first_step(
            _mapped(self.upper, lower.state)
        )  # still of videos, as all that the first round sees of them
        asks = self._asks(upper.state)
        each = torch.arange(len(ends), device=ends.device)
        seen_keys, read_keys = self.keys_seen(clips), self.keys_read(tokens)
        seen = self._look(clips, seen_keys, each, asks[0], self.score_seen)
        of_pairs = [x.index_select(0, clip_index) for x in (*lower, *upper, seen, *asks[1:])]
        lower, upper, seen = States(*of_pairs[:2]), States(*of_pairs[2:4]), of_pairs[4]
        asks = (asks[0], *of_pairs[5:])
        there = mask.index_select(0, token_index)
        for number in range(1, self.rounds):
            if number > 1:
                asks = self._asks(upper.state)
                seen = self._look(clips, seen_keys, clip_index, asks[0], self.score_seen)
            read = self._look(tokens, read_keys, token_index, asks[1], self.score_read, there)
            found = self._both(seen, read, asks[2], asks[3])
            given = self.dropout(self.again(torch.cat([upper.state, found], dim=1)).tanh())
            lower = step(_mapped(self.lower, given, lower.state), lower.cell)
            upper = step(_mapped(self.upper, lower.state, upper.state), upper.cell)
        return torch.cat([lower.state, upper.state], dim=1)

    def _asks(self, state: Tensor) -> tuple[Tensor, ...]:
        """What the upper state (n, H) makes: queries of both memories, its part of their shares, its part of o."""
        layers = (self.asks_seen, self.asks_read, self.share_of_state, self.of_state)
        made = F.linear(state, torch.cat([layer.weight for layer in layers]))
        *asks, own = made.chunk(4, dim=1)
        return (*asks, own + self.of_state.bias.to(own.dtype))

    def _look(
        self, memory: Tensor, keys: Tensor, index: Tensor, asks: Tensor, score: nn.Linear, mask: Tensor | None = None
    ) -> Tensor:
        """What pairs, asking with (P, H), find in the memories `index` (P,) of `memory` (n, M, H): (P, H)."""
        scores = score((keys.index_select(0, index) + asks[:, None]).tanh())[..., 0]  # (P, M)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = scores.softmax(dim=1).to(memory.dtype)
        return torch.bmm(weights[:, None], memory.index_select(0, index))[:, 0]

    def _both(self, seen: Tensor, read: Tensor, of_state: Tensor, own: Tensor) -> Tensor:
        H = self.width
        of_seen = F.linear(seen, torch.cat([self.share_seen.weight, self.seen.weight]))
        of_read = F.linear(read, torch.cat([self.share_read.weight, self.read.weight]))
        parts = [(self.share_seen, self.seen, of_seen), (self.share_read, self.read, of_read)]
        shares = torch.stack([found[:, :H] + share.bias.to(found.dtype) for share, _, found in parts], dim=1)
        shares = self.share((shares + of_state[:, None]).tanh()).softmax(dim=1).to(own.dtype)  # (P, 2, 1)
        values = torch.stack([found[:, H:] + value.bias.to(found.dtype) for _, value, found in parts], dim=1)
        return (own + (shares * values).sum(dim=1)).tanh()


def _mapped(cell: nn.LSTMCell, x: Tensor, state: Tensor | None = None) -> Tensor:
    """The gates of a cell before their activation, (n, 4H)."""
    gates = F.linear(x, cell.weight_ih, cell.bias_ih + cell.bias_hh)
    return gates if state is None else gates + F.linear(state, cell.weight_hh)
