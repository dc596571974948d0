import torch

from eigv.config.run import IntervenerSettings
from eigv.method.draws import Draws
from eigv.method.grounding import Scene, partition
from eigv.method.intervener import Intervention, draw_intervention, mix_scenes, mix_videos


def _scene(causal: list[list[float]]) -> Scene:
    mask = torch.tensor(causal)
    return Scene(mask, 1 - mask, mask, 1 - mask)


def test_scenes_are_mixed_clip_by_clip() -> None:
    video = torch.tensor([[[1.0], [2.0]], [[10.0], [20.0]]])  # two videos, two clips
    scene = _scene([[1, 0], [1, 1]])
    mix = Intervention(torch.tensor([1, 0]), torch.tensor([0.75, 0.5]), torch.tensor([0.25, 0.9]))
    # video 0, clip 0: causal in both: .75 * 1 + .25 * 10; clip 1: own environment, partner's causal: .25 * 2 + .25 * 20
    # video 1, clip 0: .5 * 10 + .5 * 1; clip 1: own causal, partner's environment: .5 * 20 + .1 * 2
    expected = torch.tensor([[[3.25], [5.5]], [[5.5], [10.2]]])
    torch.testing.assert_close(mix_scenes(video, scene, mix), expected)


def test_alone_with_itself_or_with_all_weight_a_video_stays() -> None:
    video = torch.randn(4, 5, 3)
    scene = partition(torch.rand(4, 5), torch.rand(4, 5), None, 1.0)
    ones = torch.ones(4)
    kept = mix_scenes(video, scene, Intervention(torch.tensor([1, 2, 3, 0]), ones, ones))
    torch.testing.assert_close(kept, video)
    ratio = Intervention(torch.arange(4), torch.rand(4), torch.rand(4))
    torch.testing.assert_close(mix_scenes(video, scene, ratio), video)
    torch.testing.assert_close(mix_videos(video, ratio), video)


def test_swapping_a_pair_mirrors_the_mix() -> None:
    video = torch.randn(2, 5, 3)
    scene = partition(torch.rand(2, 5), torch.rand(2, 5), None, 1.0)
    swap = torch.tensor([1, 0])
    mix = Intervention(swap, torch.tensor([0.3, 0.7]), torch.tensor([0.2, 0.8]))
    for mixed in (mix_scenes(video, scene, mix), mix_videos(video, mix)):
        torch.testing.assert_close(mixed[0], mixed[1])


def test_equal_ratios_make_the_intervener_a_mixup_where_scenes_agree() -> None:
    video = torch.randn(2, 3, 4)
    scene = _scene([[1, 0, 1], [1, 0, 1]])
    ratio = torch.tensor([0.3, 0.6])
    mix = Intervention(torch.tensor([1, 0]), ratio, ratio)
    torch.testing.assert_close(mix_scenes(video, scene, mix), mix_videos(video, mix))


def test_every_sample_has_ratios_of_its_own() -> None:
    mix = draw_intervention(64, IntervenerSettings(), Draws(0))
    assert sorted(mix.partner.tolist()) == list(range(64))
    assert mix.equivariant.unique().numel() == 64 == mix.invariant.unique().numel()
    assert not torch.equal(mix.equivariant, mix.invariant)


def test_the_official_ratios_are_the_same_for_a_whole_batch() -> None:
    mix = draw_intervention(64, IntervenerSettings(ratios="batch"), Draws(0))
    assert mix.equivariant.shape == mix.invariant.shape == (64,)
    assert mix.equivariant.unique().numel() == 1 == mix.invariant.unique().numel()
