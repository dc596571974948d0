import pytest
import torch

from eigv.config.run import GroundingSettings
from eigv.method.draws import Draws
from eigv.method.grounding import GroundingIndicator, partition, smoothed

A = torch.tensor([[0.5, 0.3, 0.2]])
E = torch.tensor([[0.2, 0.3, 0.5]])


def test_without_noise_a_clip_is_causal_where_p_c_is_larger() -> None:
    scene = partition(A, E, None, 1.0)
    assert scene.causal.tolist() == [[1.0, 0.0, 0.0]]
    assert scene.environment.tolist() == [[0.0, 1.0, 1.0]]


def test_noise_is_added_to_both_columns_before_the_larger_is_taken() -> None:
    noise = torch.tensor([[[0.0, 0.1, 1.0], [0.4, 0.0, 0.0]]])
    # 0.5 < 0.6, 0.4 > 0.3, 1.2 > 0.5
    assert partition(A, E, noise, 0.9).causal.tolist() == [[0.0, 1.0, 1.0]]


def test_the_two_scenes_add_up_to_the_video_exactly() -> None:
    p = torch.rand(50, 16).requires_grad_()
    video = torch.randn(50, 16, 8)
    scene = partition(p.softmax(-1), torch.rand(50, 16).softmax(-1), Draws(0).gumbel((50, 2, 16)), 0.9)
    assert torch.equal(scene.causal + scene.environment, torch.ones(50, 16))
    assert set(scene.causal.unique().tolist()) == {0.0, 1.0}
    causal, environment = scene.split(video)
    assert torch.equal(causal + environment, video)
    assert torch.equal(causal * environment, torch.zeros_like(video))


def test_the_gradient_is_that_of_the_soft_gumbel_softmax() -> None:
    p_c, p_e = A.clone().requires_grad_(), E.clone().requires_grad_()
    noise, weight = Draws(1).gumbel((1, 2, 3)), torch.tensor([[1.0, -2.0, 3.0]])
    scene = partition(p_c, p_e, noise, 0.9)
    (weight * scene.causal + 2 * weight * scene.environment).sum().backward()
    q_c, q_e = A.clone().requires_grad_(), E.clone().requires_grad_()
    soft = ((torch.stack([q_c, q_e], dim=1) + noise) / 0.9).softmax(dim=1)
    (weight * soft[:, 0] + 2 * weight * soft[:, 1]).sum().backward()
    torch.testing.assert_close(p_c.grad, q_c.grad)
    torch.testing.assert_close(p_e.grad, q_e.grad)


def test_the_share_of_causal_draws_is_the_reported_probability() -> None:
    scene = partition(A, E, None, 1.0)
    torch.testing.assert_close(scene.probability_causal, torch.sigmoid(torch.tensor([[0.3, 0.0, -0.3]])))
    n = 20_000
    drawn = partition(A.expand(n, 3), E.expand(n, 3), Draws(0).gumbel((n, 2, 3)), 0.9).causal.mean(dim=0)
    torch.testing.assert_close(drawn, scene.probability_causal[0], atol=0.015, rtol=0)


def test_attention_is_a_softmax_over_clips_of_inner_products() -> None:
    torch.manual_seed(0)
    indicator = GroundingIndicator(4)
    clips, question = torch.randn(2, 3, 4), torch.randn(2, 4)
    scene = indicator(clips, question)
    head = indicator.causal
    for b in range(2):
        scores = torch.stack([head.clips(clips[b, k]) @ head.question(question[b]) for k in range(3)])
        torch.testing.assert_close(scene.attention_causal[b], scores.softmax(0))
    torch.testing.assert_close(scene.attention_environment.sum(-1), torch.ones(2))


def test_the_official_mask_takes_clips_that_sum_to_zero_for_padding() -> None:
    torch.manual_seed(0)
    clips, question = torch.randn(2, 3, 4), torch.randn(2, 4)
    clips[0, 1] = torch.tensor([1.0, -2.0, 3.0, -2.0])
    question[1] = torch.tensor([1.0, -1.0, 2.0, -2.0])
    masked = GroundingIndicator(4, GroundingSettings(official_sum_mask=True))
    whole = GroundingIndicator(4)
    whole.load_state_dict(masked.state_dict())
    one, other = masked(clips, question), whole(clips, question)
    assert one.attention_causal[0, 1] == 0 and other.attention_causal[0, 1] > 0
    kept = other.attention_causal[0, [0, 2]]
    torch.testing.assert_close(one.attention_causal[0, [0, 2]], kept / kept.sum())
    assert (one.attention_environment[1] == 0).all() and (other.attention_environment[1] > 0).all()


def test_chosen_scenes_keep_everything_of_theirs() -> None:
    scene = partition(torch.rand(3, 4), torch.rand(3, 4), Draws(0).gumbel((3, 2, 4)), 0.9)
    chosen = scene.select(torch.tensor([2, 0]))
    for name, values in vars(scene).items():
        assert torch.equal(getattr(chosen, name), values[[2, 0]]), name
    assert torch.equal(chosen.probability_causal, scene.probability_causal[[2, 0]])


@pytest.mark.parametrize(
    ("chosen", "smooth"),
    [
        ("110110000000", "111110000000"),  # a gap of one clip is closed
        ("110011000000", "110011000000"),  # one of two is a gap between scenes
        ("111000010000", "111000000000"),  # a single clip beside a longer run
        ("101000001000", "111000000000"),  # first the gaps, then the single clips
        ("010000000001", "010000000001"),  # nothing but single clips
        ("010101000000", "011111000000"),
        ("000000000011", "000000000011"),  # the last clip has one before it, and the first is none after the last
        ("100000000011", "000000000011"),
        ("000000000000", "000000000000"),
        ("111111111111", "111111111111"),
        ("101111111111", "111111111111"),
    ],
)
def test_smooth_scenes_have_no_gap_of_one_clip_and_no_single_clip_beside_a_run(chosen: str, smooth: str) -> None:
    logits = torch.tensor([[1.0 if clip == "1" else -1.0 for clip in chosen]]).requires_grad_()
    plain = partition(logits, -logits, None, 1.0)
    scene = smoothed(plain)
    assert "".join(str(int(clip)) for clip in scene.causal[0]) == smooth
    assert torch.equal(scene.causal + scene.environment, torch.ones_like(scene.causal))
    assert torch.equal(scene.probability_causal, plain.probability_causal)
    scene.causal.sum().backward()
    of_smooth, logits.grad = logits.grad, None
    partition(logits, -logits, None, 1.0).causal.sum().backward()
    torch.testing.assert_close(of_smooth, logits.grad)  # what smoothing changes carries none


def test_an_indicator_that_smooths_does_so_without_noise_alone() -> None:
    torch.manual_seed(3)
    plain, smooth = GroundingIndicator(4), GroundingIndicator(4, smooths=True)
    smooth.load_state_dict(plain.state_dict())
    clips, question, noise = torch.randn(8, 12, 4), torch.randn(8, 4), Draws(0).gumbel((8, 2, 12))
    expected = smoothed(plain(clips, question)).causal
    assert torch.equal(smooth(clips, question).causal, expected)
    assert not torch.equal(plain(clips, question).causal, expected)
    assert torch.equal(smooth(clips, question, noise).causal, plain(clips, question, noise).causal)
