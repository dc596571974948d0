"""Attention of nodes to others whose keys and values a question gates.

PyTorch's own operations in a row would keep both before and after the gate; here they are gated again for the backward
pass, from a byte an element.

Sizes: n rows (videos or pairs), P pairs, M nodes, N others, D width.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.gates import Activation, bend, bend_again, collect, join, separate, straighten, straighten_
from eigv.backbones.parts.nodes import Rows


@dataclass(frozen=True)
class Look:
    """How nodes look at others."""

    neighbours: Tensor  # (M, N) bool, where they look
    soft: bool
    """Those that are no neighbours take part, with score 0."""
    activation: Activation
    """Of keys and values."""
    dropout: Dropout
    """Of keys and values."""
    dropout_of_found: Dropout


def looked(queries: Rows, seen: Rows, asked: Tensor, how: Look) -> Tensor:
    """Dropout(ELU(softmax(q k^T) v)) (P, M, D) of `queries` (n, M, D).

    k and v, side by side, are Dropout(activation(s * a)) with s of `seen` (n, N, 2D) and a of `asked` (P, 2D).
    """
    found: Tensor = _Looked.apply(queries.values, queries.pairs, seen.values, seen.pairs, asked, how)
    return found


class _Looked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        of_queries: Tensor | None,
        seen: Tensor,
        of_seen: Tensor | None,
        asked: Tensor,
        how: Look,
    ) -> Tensor:
        both = join(seen, of_seen, asked)
        kept, ctx.scale = bend(both, how.activation, how.dropout)
        keys, values = both.chunk(2, dim=2)
        every = queries if of_queries is None else queries.index_select(0, of_queries)
        scores = torch.bmm(every, keys.transpose(1, 2))  # (P, M, N)
        # the lowest number, not -inf: a node without any neighbour then looks at all, evenly
        absent = 0.0 if how.soft else torch.finfo(scores.dtype).min
        weights = scores.masked_fill_(~how.neighbours, absent).softmax(dim=-1).to(values.dtype)
        found = torch.bmm(weights, values)
        kept_found, ctx.scale_of_found = bend(found, "elu", how.dropout_of_found)
        ctx.how = how
        ctx.save_for_backward(queries, of_queries, seen, of_seen, asked, kept, weights, found, kept_found)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        queries, of_queries, seen, of_seen, asked, kept, weights, found, kept_found = ctx.saved_tensors
        how, D = ctx.how, found.shape[2]
        by_found = straighten(gradients[0], found, kept_found, "elu", ctx.scale_of_found)
        both = join(seen, of_seen, asked)
        bend_again(both, kept, how.activation, ctx.scale)
        keys, values = both.chunk(2, dim=2)

        by_weights = torch.bmm(by_found, values.transpose(1, 2))
        by_values = torch.bmm(weights.transpose(1, 2), by_found)
        by_scores = weights * (by_weights - (by_weights * weights).sum(dim=-1, keepdim=True))
        by_scores.masked_fill_(~how.neighbours, 0.0)
        by_queries = collect(torch.bmm(by_scores, keys), len(queries), of_queries)
        every = queries if of_queries is None else queries.index_select(0, of_queries)
        by_keys = torch.bmm(by_scores.transpose(1, 2), every)

        by_both = torch.empty_like(both)
        for part, place in ((by_keys, slice(0, D)), (by_values, slice(D, 2 * D))):
            if kept is None:
                by_both[..., place] = part
            else:
                torch.mul(part, kept[..., place], out=by_both[..., place])
        straighten_(by_both, both, how.activation, ctx.scale)
        by_seen, by_asked = separate(by_both, seen, of_seen, asked)
        return by_queries, None, by_seen, None, by_asked, None
