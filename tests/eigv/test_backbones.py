"""What every registered backbone must keep to, and HGA against its formulas."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from eigv.backbones import Backbone, Clips, ClipWidths, build, list_backbones
from eigv.backbones.encoders import PooledClips, TokenStates
from eigv.backbones.hga import Hga
from eigv.config import Backbones, BlockFusion, Comem, Mspan
from eigv.config import Hga as HgaSettings
from extract.errors import UserError

SMALL = Backbones(
    comem=Comem(hidden=4, words=12, text_layers=2),
    hga=HgaSettings(hidden=8, words=12, fusion=BlockFusion(width=20, chunks=4, rank=3)),
    mspan=Mspan(hidden=4, scales=3),
)
WIDTHS = ClipWidths(appearance=6, motion=4)
every_backbone = pytest.mark.parametrize("name", list_backbones())


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors this small are slower on many threads, much so on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _backbone(name: str, widths: ClipWidths = WIDTHS) -> Backbone:
    torch.manual_seed(0)
    return build(name, SMALL, widths, token_width=6).eval()


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


def test_an_unknown_backbone_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"no backbone 'hgaa'\. Did you mean 'hga'"):
        build("hgaa", SMALL, WIDTHS, 4)


def test_hga_is_its_formulas_written_for_one_pair() -> None:
    hga, (video, tokens, lengths) = _backbone("hga"), _inputs()
    assert isinstance(hga, Hga)
    clips, texts = hga.encode_clips(video), hga.encode_tokens(tokens, lengths)
    v, t = 2, 2
    fused = hga.fuse(clips, texts, torch.tensor([v]), torch.tensor([t]))[0]

    n = int(lengths[t])
    x = torch.cat([texts.local[t, :n], clips.local[v]])  # without any padding
    w1, w2 = hga.nodes.first.weight, hga.nodes.second.weight
    h = F.relu(F.relu(x @ w1.T) @ w2.T)
    for layer in hga.layers:
        x = F.relu(F.layer_norm(h @ h.T @ (x @ layer.weight.T), (hga.width,)))
    weights = hga.pool.score(x)[:, 0].softmax(0)
    pooled = (weights[:, None] * x).sum(0)
    inputs = hga.fuse_inputs(texts.pooled[t : t + 1], clips.pooled[v : v + 1])
    torch.testing.assert_close(fused, hga.fuse_graph(inputs, pooled[None])[0], atol=1e-5, rtol=1e-5)


def test_mixed_texts_keep_the_tokens_of_both() -> None:
    local = torch.tensor([[[2.0], [0.0]], [[4.0], [8.0]]])
    texts = TokenStates(torch.tensor([[1.0], [3.0]]), local, torch.tensor([[True, False], [True, True]]))
    mixed = texts.mix(texts.select(torch.tensor([1, 0])), torch.tensor([0.75, 1.0]))
    assert mixed.local[..., 0].tolist() == [[2.5, 2.0], [4.0, 8.0]]
    assert mixed.pooled[:, 0].tolist() == [1.5, 3.0]
    assert mixed.mask.all()


def test_rows_are_selected_and_joined() -> None:
    clips = PooledClips(torch.randn(3, 2, 4), torch.randn(3, 4))
    again = Clips.cat([clips.select(torch.tensor([0, 1])), clips.select(torch.tensor([2]))])
    assert isinstance(again, PooledClips)
    assert torch.equal(again.local, clips.local) and torch.equal(again.pooled, clips.pooled)
