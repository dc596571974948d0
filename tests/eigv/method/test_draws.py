import torch

from eigv.method.draws import Draws


def _some(draws: Draws) -> list[torch.Tensor]:
    return [
        draws.permutation(7),
        draws.beta(0.1, 5),
        draws.gumbel((2, 3)),
        draws.integers(9, (4,)),
    ]


def test_a_seed_decides_every_draw() -> None:
    for a, b in zip(_some(Draws(3)), _some(Draws(3)), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(Draws(3).beta(1.0, 5), Draws(4).beta(1.0, 5))


def test_a_restored_state_goes_on_with_the_same_draws() -> None:
    draws = Draws(0)
    _some(draws)
    state = draws.state_dict()
    expected = _some(draws)
    other = Draws(99)
    other.load_state_dict(state)
    for a, b in zip(expected, _some(other), strict=True):
        assert torch.equal(a, b)


def test_beta_has_the_moments_of_its_distribution_and_is_finite_for_a_small_alpha() -> None:
    for alpha in (0.01, 0.1, 1.0, 2.0):
        drawn = Draws(0).beta(alpha, 20_000)
        assert drawn.isfinite().all() and (drawn >= 0).all() and (drawn <= 1).all()
        assert abs(drawn.mean() - 0.5) < 0.02
        assert abs(drawn.var() - 1 / (4 * (2 * alpha + 1))) < 0.01


def test_gumbel_noise_has_mean_euler_and_variance_pi_squared_over_six() -> None:
    drawn = Draws(0).gumbel((50_000,))
    assert drawn.isfinite().all()
    assert abs(drawn.mean() - 0.5772) < 0.03
    assert abs(drawn.var() - torch.pi**2 / 6) < 0.06


def test_integers_take_a_bound_of_their_own_for_every_row() -> None:
    drawn = Draws(0).integers(torch.tensor([[1], [3]]), (2, 500))
    assert (drawn[0] == 0).all()
    assert sorted(drawn[1].unique().tolist()) == [0, 1, 2]


def test_ratios_drawn_one_by_one_are_all_different() -> None:
    draws = Draws(0)
    assert len({draws.beta(1.0, 1).item() for _ in range(1000)}) == 1000


def test_numbers_are_delivered_on_their_device_and_what_decides_others_stays_on_the_host() -> None:
    drawn = _some(Draws(0, "meta"))  # the device of tensors without values
    assert [each.device.type for each in drawn] == ["cpu", "meta", "meta", "cpu"]
    assert [each.dtype for each in _some(Draws(0))] == [torch.int64, torch.float32, torch.float32, torch.int64]


def test_integers_below_a_large_bound_reach_all_over_it() -> None:
    drawn = Draws(0).integers(2**40, (2000,))
    assert (drawn >= 0).all() and (drawn < 2**40).all()
    assert drawn.unique().numel() == 2000 and drawn.max() > 0.99 * 2**40 and drawn.min() < 0.01 * 2**40
