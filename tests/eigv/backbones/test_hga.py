"""HGA's fusion, pair by pair, as its formulas have it."""

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from eigv.backbones import ClipWidths, build
from eigv.backbones.hga.graph import spread
from eigv.backbones.parts.dropout import Dropout
from eigv.config.run import BackbonesSettings, BlockFusionSettings, HgaSettings


def test_a_pair_is_a_graph_of_its_tokens_and_clips_and_the_question_leads_the_video() -> None:
    torch.manual_seed(0)
    fusion = BlockFusionSettings(width=12, chunks=3, rank=2)
    sizes = BackbonesSettings(hga=HgaSettings(hidden=4, words=5, graph_layers=2, fusion=fusion, dropout=0.5))
    hga = build("hga", sizes, ClipWidths(3, 2), token_width=6).eval()
    clips = hga.encode_clips(torch.randn(2, 4, 5))
    tokens = hga.encode_tokens(torch.randn(3, 6, 6), torch.tensor([6, 2, 4]))
    video, text = torch.tensor([0, 1, 1, 0]), torch.tensor([2, 0, 1, 1])
    found = hga.fuse(clips, tokens, video, text)
    for pair in range(4):
        v, t = video[pair], text[pair]
        length = [6, 2, 4][t]
        local = torch.cat([tokens.local[t, :length], clips.states[v]])  # the nodes, without padding
        edges = hga.nodes(local[None])[0]
        nodes = local
        for layer in hga.layers:
            nodes = F.layer_norm(edges @ edges.T @ layer(nodes), nodes.shape[-1:]).relu()
        pooled = hga.pool(nodes[None], torch.ones(1, length + 4, dtype=torch.bool))
        inputs = hga.fuse_inputs(tokens.pooled[t][None], clips.pooled[v][None])
        torch.testing.assert_close(found[pair], hga.fuse_graph(inputs, pooled)[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("others", [0, 1, 2])
def test_graph_layers_and_their_gradients_are_those_of_autograd(others: int) -> None:
    torch.manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    edges, messages, weights = random(9, 4), random(9, 4), [random(4, 4) for _ in range(others)]
    places = [torch.tensor([[0, 1, 2], [2, 5, 8]]), torch.tensor([[3, 4, 5, 6, 7]])]

    def written_out() -> list[Tensor]:
        results = []
        for index in places:
            adjacency = edges[index] @ edges[index].transpose(1, 2)
            nodes = F.layer_norm(adjacency @ messages[index], (4,)).relu()
            for weight in weights:
                nodes = F.layer_norm(adjacency @ (nodes @ weight.T), (4,)).relu()
            results.append(nodes)
        return results

    def gradients(results: Iterable[Tensor]) -> tuple[Tensor, ...]:
        total = sum((result * torch.arange(1, 5)).square().sum() for result in results)
        return torch.autograd.grad(total, [edges, messages, *weights])

    found = spread(edges, messages, weights, places, Dropout(0.5).eval())
    torch.testing.assert_close(list(found), written_out())
    torch.testing.assert_close(gradients(found), gradients(written_out()))


def test_graph_layers_drop_and_send_no_gradient_through_what_they_dropped() -> None:
    torch.manual_seed(0)
    edges, messages = torch.rand(6, 8), torch.randn(6, 8, requires_grad=True)
    places, dropout = [torch.arange(6)[None]], Dropout(0.5)
    kept_all = spread(edges, messages, [], places, dropout.eval())[0]
    (dropped,) = spread(edges, messages, [], places, dropout.train())
    there = dropped > 0
    assert 0 < there.sum() < (kept_all > 0).sum()
    torch.testing.assert_close(dropped, torch.where(there, 2 * kept_all, 0.0))
    (found,) = torch.autograd.grad(dropped.sum(), messages)
    normed = F.layer_norm(edges @ edges.T @ messages, (8,)).relu()
    (expected,) = torch.autograd.grad((2 * normed * there[0]).sum(), messages)
    torch.testing.assert_close(found, expected)
