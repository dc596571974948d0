"""What every registered backbone must keep to, and each of ours against its formulas."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from base.errors import UserError
from eigv.backbones import BACKBONES, Backbone, Clips, ClipWidths, build
from eigv.backbones.comem import Comem
from eigv.backbones.hga import Hga
from eigv.backbones.hga.graph import AttentionPool
from eigv.backbones.mspan import GraphAttention, near_windows, overlapping_windows
from eigv.backbones.parts.encoders import PooledClips, TokenStates
from eigv.backbones.parts.nodes import Nodes
from eigv.backbones.parts.streams import StreamLinear
from eigv.config.run import (
    AmuSettings,
    BackbonesSettings,
    BlockFusionSettings,
    ComemSettings,
    HcrnSettings,
    HgaSettings,
    HmeSettings,
    MspanSettings,
)
from tests.eigv.method.small_models import STREAMS, widths_of

SMALL = BackbonesSettings(
    amu=AmuSettings(hidden=8, words=12),
    comem=ComemSettings(hidden=4, words=12, text_layers=2),
    hcrn=HcrnSettings(hidden=8, words=12, subsets=2),
    hga=HgaSettings(hidden=8, words=12, fusion=BlockFusionSettings(width=20, chunks=4, rank=3)),
    hme=HmeSettings(hidden=4, words=12, attention=5, clip_slots=3, text_slots=6),
    mspan=MspanSettings(hidden=4, scales=3),
)
WIDTHS = ClipWidths(appearance=6, motion=4)
every_backbone = pytest.mark.parametrize("name", sorted(BACKBONES))
pytestmark = pytest.mark.usefixtures("one_thread")


def _backbone(name: str, widths: ClipWidths | None = None) -> Backbone:
    torch.manual_seed(0)
    return build(name, SMALL, widths or widths_of(name), token_width=6).eval()


def _inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(3, 5, 10), torch.randn(4, 7, 6), torch.tensor([7, 2, 4, 1])


@every_backbone
def test_shapes(name: str) -> None:
    backbone, (video, tokens, lengths) = _backbone(name), _inputs()
    clips, texts = backbone.encode_clips(video), backbone.encode_tokens(tokens, lengths)
    D = backbone.width
    assert clips.local.shape == (3, 5, D)
    assert texts.pooled.shape == (4, D)
    fused = backbone.fuse(clips, texts, torch.tensor([0, 0, 2, 1, 2]), torch.tensor([3, 1, 0, 0, 2]))
    assert fused.shape == (5, backbone.answer_width)
    assert backbone.answer_head(9)(fused).shape == (5, 9)
    assert backbone.projection_head()(fused[None]).shape[:2] == (1, 5)


@every_backbone
def test_of_clips_that_are_mixed_the_linear_maps_may_be_mixed(name: str) -> None:
    backbone, (video, _, _) = _backbone(name), _inputs()
    mixed, mapped = 0.3 * video[:1] + 0.6 * video[1:2], backbone.map_clips(video)
    found = backbone.encode_mapped(0.3 * mapped[:1] + 0.6 * mapped[1:2]).local
    torch.testing.assert_close(found, backbone.encode_clips(mixed).local)


@every_backbone
def test_neither_padding_nor_the_rest_of_the_batch_changes_a_pair(name: str) -> None:
    backbone, (video, tokens, lengths) = _backbone(name), _inputs()
    pairs = torch.tensor([0, 2, 1, 2]), torch.tensor([0, 1, 2, 3])
    together = backbone.fuse(backbone.encode_clips(video), backbone.encode_tokens(tokens, lengths), *pairs)
    zero = torch.zeros(1, dtype=torch.int64)
    for row, (v, t) in enumerate(zip(*pairs, strict=True)):
        n = int(lengths[t])
        alone = backbone.fuse(
            backbone.encode_clips(video[v : v + 1]),
            backbone.encode_tokens(tokens[t : t + 1, :n], lengths[t : t + 1]),
            zero,
            zero,
        )
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)

    padded = F.pad(tokens, (0, 0, 0, 4), value=50.0)  # what lies beyond a length is never looked at
    longer = backbone.fuse(backbone.encode_clips(video), backbone.encode_tokens(padded, lengths), *pairs)
    torch.testing.assert_close(together, longer, atol=1e-5, rtol=1e-5)


@every_backbone
def test_a_gradient_reaches_every_parameter_and_is_finite(name: str) -> None:
    backbone, (video, tokens, lengths) = _backbone(name), _inputs()
    pairs = torch.tensor([0, 2, 1]), torch.tensor([0, 1, 2])
    backbone.fuse(
        backbone.encode_clips(video), backbone.encode_tokens(tokens, lengths), *pairs
    ).square().sum().backward()
    for key, parameter in backbone.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key


@every_backbone
def test_evaluation_draws_nothing(name: str) -> None:
    backbone, (video, tokens, lengths) = _backbone(name), _inputs()
    pairs = torch.tensor([0, 1, 2]), torch.tensor([3, 1, 1])
    first, second = (
        backbone.fuse(backbone.encode_clips(video), backbone.encode_tokens(tokens, lengths), *pairs) for _ in range(2)
    )
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", sorted(set(BACKBONES) - set(STREAMS)))
@pytest.mark.parametrize("widths", [ClipWidths(10, 0), ClipWidths(0, 10)], ids=["app", "mot"])
def test_one_kind_of_features_is_enough(name: str, widths: ClipWidths) -> None:
    backbone, (video, tokens, lengths) = _backbone(name, widths), _inputs()
    fused = backbone.fuse(
        backbone.encode_clips(video), backbone.encode_tokens(tokens, lengths), torch.arange(3), torch.arange(3)
    )
    fused.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in backbone.parameters())


def test_an_unknown_backbone_is_refused_by_name() -> None:
    with pytest.raises(
        UserError, match=r"no backbone 'hgaa'; there are amu, comem, hcrn, hga, hme, mspan; did you mean 'hga'"
    ):
        build("hgaa", SMALL, WIDTHS, 4)


def test_hga_is_its_formulas_written_for_one_pair() -> None:
    hga, (video, tokens, lengths) = _backbone("hga"), _inputs()
    assert isinstance(hga, Hga)
    clips, texts = hga.encode_clips(video), hga.encode_tokens(tokens, lengths)
    v, t = 2, 2
    fused = hga.fuse(clips, texts, torch.tensor([v]), torch.tensor([t]))[0]

    n = int(lengths[t])
    x = torch.cat([texts.local[t, :n], clips.states[v]])  # without any padding
    w1, w2 = hga.nodes.first.weight, hga.nodes.second.weight
    h = F.relu(F.relu(x @ w1.T) @ w2.T)
    for layer in hga.layers:
        x = F.relu(F.layer_norm(h @ h.T @ (x @ layer.weight.T), (hga.width,)))
    weights = hga.pool.score(x)[:, 0].softmax(0)
    pooled = (weights[:, None] * x).sum(0)
    inputs = hga.fuse_inputs(texts.pooled[t : t + 1], clips.pooled[v : v + 1])
    torch.testing.assert_close(fused, hga.fuse_graph(inputs, pooled[None])[0], atol=1e-5, rtol=1e-5)


def test_the_official_softmax_of_hga_gives_padding_its_share() -> None:
    torch.manual_seed(0)
    pool, official = AttentionPool(8), AttentionPool(8, softmax_over_padding=True)
    official.load_state_dict(pool.state_dict())
    nodes = torch.randn(1, 5, 8)
    mask = torch.tensor([[True, True, True, False, False]])
    torch.testing.assert_close(pool(nodes, mask), pool(nodes[:, :3], mask[:, :3]))
    share = pool.score(nodes)[0, :, 0].softmax(0)[:3].sum()
    torch.testing.assert_close(official(nodes, mask), share * pool(nodes, mask))


def test_comem_is_its_formulas_written_for_one_pair_and_one_stream() -> None:
    comem, (video, tokens, lengths) = _backbone("comem"), _inputs()
    assert isinstance(comem, Comem)
    clips, texts = comem.encode_clips(video), comem.encode_tokens(tokens, lengths)
    v, t, D = 2, 1, comem.width
    m = comem.memory

    def linear(part: StreamLinear, s: int, x: Tensor) -> Tensor:
        return x @ part.weight[s].T + part.bias[s]

    q = texts.pooled[t]
    memory = [clips.facts[v, s, -1] for s in range(2)]
    co = list(memory)
    for _ in range(3):
        gates = []
        asked = co[0] + co[1]
        for s in range(2):
            facts = clips.facts[v, s]
            z = torch.cat([facts * asked, facts * memory[s], (facts - asked).abs(), (facts - memory[s]).abs()], dim=1)
            gate = linear(m.weigh, s, torch.tanh(linear(m.score, s, z)))[:, 0].softmax(0)
            gates.append(gate)
            c = torch.zeros(D)
            for g, fact in zip(gate, facts, strict=True):
                wr, w = linear(m.inputs, s, fact).split(D)
                ur, u = linear(m.states, s, c).split(D)
                c = g * torch.tanh(w + torch.sigmoid(wr + ur) * u) + (1 - g) * c
            memory[s] = F.relu(linear(m.update, s, torch.cat([memory[s], c, asked])))
        co = [torch.tanh(linear(comem.co_memory, s, torch.cat([co[s], memory[s], q]))) for s in range(2)]
    expected = comem.out(torch.cat(co))
    pair = torch.tensor([v]), torch.tensor([t])
    torch.testing.assert_close(comem.fuse(clips, texts, *pair)[0], expected)
    torch.testing.assert_close(comem.clip_weights(clips, texts, *pair)[0], (gates[0] + gates[1]) / 2)


def test_comem_sends_a_gradient_through_where_the_co_memory_starts_unless_it_is_official() -> None:
    inputs = _inputs()

    def gradient(official: bool) -> Tensor:
        torch.manual_seed(0)
        settings = SMALL.comem.model_copy(update={"episodes": 1, "official_detached_start": official})
        comem = Comem(settings, WIDTHS, token_width=6)
        fused = comem.fuse(
            comem.encode_clips(inputs[0]), comem.encode_tokens(*inputs[1:]), torch.arange(3), torch.arange(3)
        )
        fused.sum().backward()
        assert comem.appearance.lower.weight_ih_l0.grad is not None
        return comem.appearance.lower.weight_ih_l0.grad

    assert not torch.allclose(gradient(True), gradient(False))


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_neighbours_between_scales_are_windows_with_a_clip_in_common(scale: int) -> None:
    windows = [set(range(j, j + scale + 1)) for j in range(6 - scale)]
    wider = [set(range(k, k + scale + 2)) for k in range(5 - scale)]
    expected = [[bool(one & other) for other in wider] for one in windows]
    assert overlapping_windows(6, scale, official=False).tolist() == expected
    fewer = [[bool(one & other) and one & other != {max(other)} for other in wider] for one in windows]
    assert overlapping_windows(6, scale, official=True).tolist() == fewer


def test_neighbours_within_a_scale_overlap_or_touch() -> None:
    near = near_windows(6, 1)  # windows 01, 12, 23, 34, 45
    assert (near > 0).tolist() == [[abs(j - k) <= 2 for k in range(5)] for j in range(5)]
    assert near[0, 2] == pytest.approx((3 * 5) ** -0.5)  # 3 and 5 neighbours


@pytest.mark.parametrize("official", [False, True], ids=["neighbours only", "official"])
def test_attention_between_scales_is_its_formula_written_for_one_pair(official: bool) -> None:
    torch.manual_seed(0)
    settings = MspanSettings(hidden=3, dropout=0, official_soft_mask=official)
    attention = GraphAttention(6, settings)
    nodes, others, question = torch.randn(1, 4, 6), torch.randn(1, 3, 6), torch.randn(1, 6)
    neighbours = torch.tensor([[1, 1, 0], [0, 1, 1], [1, 0, 0], [0, 0, 0]]).bool()
    zero = torch.tensor([0])
    asked = torch.cat([attention.keys.asked(question), attention.values.asked(question)], dim=1)
    found = attention(Nodes(zero, nodes), Nodes(zero, others), neighbours, asked).computed().read().values
    keys = F.elu(attention.keys.seen(others[0]) * attention.keys.asked(question))
    values = F.elu(attention.values.seen(others[0]) * attention.values.asked(question))
    for j, node in enumerate(nodes[0]):
        scores = keys @ attention.queries(node)
        if official:
            weights = (scores * neighbours[j]).softmax(0)
        elif j == 3:  # it has no neighbours
            weights = torch.full((3,), 1 / 3)
        else:
            weights = torch.zeros(3)
            weights[neighbours[j]] = scores[neighbours[j]].softmax(0)
        expected = attention.merge(torch.cat([node, F.elu(weights @ values)]))
        torch.testing.assert_close(found[0, j], expected)


def test_sizes_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(UserError, match="`text_layers`"):
        Comem(ComemSettings(hidden=4, text_layers=3), WIDTHS, 6)
    with pytest.raises(UserError, match="3 `scales` need as many clips, not 2"):
        _backbone("mspan").encode_clips(torch.zeros(1, 2, 10))


def test_mixed_texts_keep_the_tokens_of_both() -> None:
    local = torch.tensor([[[2.0], [0.0]], [[4.0], [8.0]]])
    texts = TokenStates(torch.tensor([[1.0], [3.0]]), local, torch.tensor([[True, False], [True, True]]))
    mixed = texts.mix(texts.select(torch.tensor([1, 0])), torch.tensor([0.75, 1.0]))
    assert mixed.local[..., 0].tolist() == [[2.5, 2.0], [4.0, 8.0]]
    assert mixed.pooled[:, 0].tolist() == [1.5, 3.0]
    assert mixed.mask.all()


def test_rows_are_selected_and_joined() -> None:
    clips = PooledClips(torch.randn(3, 2, 4), torch.randn(3, 4), torch.randn(3, 2, 4))
    again = Clips.cat([clips.select(torch.tensor([0, 1])), clips.select(torch.tensor([2]))])
    assert isinstance(again, PooledClips)
    assert torch.equal(again.local, clips.local) and torch.equal(again.pooled, clips.pooled)
