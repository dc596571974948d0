"""Parts of videos: what a backbone that can leave out clips must keep to (`drops_clips`)."""

import pytest
import torch
from torch import Tensor

from base.errors import UserError
from eigv.backbones import BACKBONES, Clips, ClipWidths, build
from eigv.backbones.contract import kept_first, stretched
from eigv.backbones.hga import Hga
from tests.eigv.method.small_models import SIZES, widths_of

dropping = pytest.mark.parametrize("name", [name for name, kind in sorted(BACKBONES.items()) if kind.drops_clips])
pytestmark = pytest.mark.usefixtures("one_thread")
KEEP = torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 1, 0], [1, 1, 1, 1, 1]]).bool()
PAIRS = torch.tensor([0, 1, 2, 0, 2]), torch.tensor([3, 1, 0, 0, 2])


def small(name: str, **changed):
    torch.manual_seed(0)
    sizes = SIZES.model_copy(update={name: getattr(SIZES, name).model_copy(update=changed)})
    return build(name, sizes, widths_of(name), token_width=6).eval()


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(3, 5, 10), torch.randn(4, 7, 6), torch.tensor([7, 2, 4, 1])


def fused(backbone, video: Tensor, keep: Tensor | None, pairs=PAIRS) -> Tensor:
    _, tokens, lengths = inputs()
    mapped = backbone.map_clips(video)
    clips = backbone.encode_mapped(mapped) if keep is None else backbone.encode_kept(mapped, keep)
    return backbone.fuse(clips, backbone.encode_tokens(tokens, lengths), *pairs)


VARIANTS = [("hga", {}), ("hga", {"cell": "gru"}), ("hga", {"video_representation": "recurrent"})]
VARIANTS += [("comem", {}), ("comem", {"video_representation": "recurrent", "official_detached_start": True})]
variants = pytest.mark.parametrize(("name", "changed"), [*VARIANTS, ("mspan", {})])


@variants
def test_a_dropped_clip_has_no_influence(name, changed):
    backbone, video = small(name, **changed), inputs()[0]
    other = video.where(KEEP[..., None], 9 * torch.randn(3, 5, 10))
    assert torch.equal(fused(backbone, video, KEEP), fused(backbone, other, KEEP))
    seen = video.where(~KEEP[..., None], 9.0)
    assert not torch.isclose(fused(backbone, video, KEEP), fused(backbone, seen, KEEP)).all(dim=1).any()


@dropping
def test_kept_whole_a_video_is_as_it_is(name):
    backbone, video = small(name), inputs()[0]
    whole = fused(backbone, video, torch.ones(3, 5, dtype=torch.bool))
    torch.testing.assert_close(whole, fused(backbone, video, None))


@pytest.mark.parametrize(("name", "changed"), VARIANTS)
def test_what_is_left_is_a_shorter_video(name, changed):
    backbone, video = small(name, **changed), inputs()[0]
    together = fused(backbone, video, KEEP)
    for row, (v, t) in enumerate(zip(*PAIRS, strict=True)):
        alone = fused(backbone, video[v : v + 1, KEEP[v]], None, (torch.tensor([0]), t[None]))
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)


@dropping
def test_neither_the_batch_nor_its_size_changes_a_pair(name):
    backbone, video = small(name), inputs()[0]
    together = fused(backbone, video, KEEP)
    for row, (v, t) in enumerate(zip(*PAIRS, strict=True)):
        alone = fused(backbone, video[v : v + 1], KEEP[v : v + 1], (torch.tensor([0]), t[None]))
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)


@dropping
def test_gradients_reach_the_clips_that_are_kept_and_all_parameters(name):
    backbone, video = small(name), inputs()[0].requires_grad_()
    fused(backbone, video, KEEP).square().sum().backward()
    assert torch.equal(video.grad.abs().sum(dim=2) > 0, KEEP)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in backbone.parameters())


@dropping
def test_parts_and_whole_videos_are_joined(name):
    backbone, video = small(name), inputs()[0]
    mapped = backbone.map_clips(video)
    _, tokens, lengths = inputs()
    texts = backbone.encode_tokens(tokens, lengths)
    clips = Clips.cat([backbone.encode_kept(mapped, KEEP), backbone.encode_mapped(mapped)])
    both = backbone.fuse(clips, texts, torch.cat([PAIRS[0], 3 + PAIRS[0]]), PAIRS[1].repeat(2))
    torch.testing.assert_close(both, torch.cat([fused(backbone, video, KEEP), fused(backbone, video, None)]))


def test_the_official_softmax_of_hga_is_over_the_most_clips_that_a_video_of_the_batch_keeps():
    hga, video = small("hga", official_softmax_over_padding=True), inputs()[0]
    assert isinstance(hga, Hga)
    one = fused(hga, video[1:2], KEEP[1:2], (torch.tensor([0]), torch.tensor([1])))
    pair = torch.tensor([1]), torch.tensor([1])
    beside_three, beside_five = (fused(hga, video[:n], KEEP[:n], pair) for n in (2, 3))
    assert not torch.allclose(one, beside_three) and not torch.allclose(beside_three, beside_five)


def test_kept_clips_come_first_in_their_order_or_are_stretched():
    assert kept_first(KEEP).tolist() == [[0, 2, 3, 1, 4], [3, 0, 1, 2, 4], [0, 1, 2, 3, 4]]
    clips = torch.arange(5.0)[None, :, None].expand(3, 5, 1)
    assert stretched(clips, KEEP)[..., 0].tolist() == [[0, 0, 2, 2, 3], [3] * 5, [0, 1, 2, 3, 4]]


def test_a_backbone_that_cannot_says_so():
    class Whole(Hga):
        drops_clips = False
        encode_kept = Hga.__base__.encode_kept

    whole = Whole(SIZES.hga, ClipWidths(6, 4), 6)
    with pytest.raises(UserError, match="Whole cannot leave out clips of a video"):
        whole.encode_kept(torch.zeros(1, 2, 16), torch.ones(1, 2, dtype=torch.bool))
