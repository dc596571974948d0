"""What is watched, computed by hand, and when users are told of a collapse."""

import pytest
import torch

from eigv.method.grounding import Scene
from eigv.method.step import Prediction
from eigv.runs.learning.monitors import COIN_TOSS, EVERYTHING, NOTHING, SAME, in_words, question_effects, selection


def scene(causal: list[list[float]], margin: float = 0.0) -> Scene:
    chosen = torch.tensor(causal)
    return Scene(chosen, 1 - chosen, torch.full_like(chosen, margin), torch.zeros_like(chosen))


def test_selection_by_hand() -> None:
    watched = selection(scene([[1.0, 1, 1, 0], [1, 0, 0, 0]], margin=float(torch.tensor(0.8).logit())))
    assert watched["causal_share"] == 0.5
    assert watched["causal_spread"] == 0.25
    torch.testing.assert_close(watched["causal_agreement"], torch.tensor(0.8**2 + 0.2**2))


def test_the_agreement_is_that_of_two_draws() -> None:
    generator = torch.Generator().manual_seed(0)
    margin = 1.3
    noise = -torch.log(-torch.log(torch.rand(2, 2, 100_000, generator=generator)))
    first, second = (margin + one - other > 0 for one, other in noise)
    expected = selection(scene([[1.0, 0]], margin))["causal_agreement"]
    torch.testing.assert_close((first == second).float().mean(), expected, atol=0.01, rtol=0)


def test_the_effect_of_a_question_by_hand() -> None:
    own, elsewhere = scene([[1.0, 1, 0, 0], [1, 0, 0, 0]]), scene([[1.0, 0, 1, 0], [1, 0, 0, 0]])
    assert question_effects(Prediction(torch.zeros(2, 3), own, elsewhere)) == [0.5, 0]
    assert question_effects(Prediction(torch.zeros(1, 3), own, elsewhere)) == []


@pytest.mark.parametrize(
    ("share", "effect", "agreement", "said"),
    [
        (0.99, 0.3, 0.9, "nearly every clip is called causal (99 %)"),
        (0.01, 0.3, 0.9, "hardly any clip"),
        (0.5, 0.001, 0.9, "does not depend on the question"),
        (0.5, 0.3, 0.51, "coin toss"),
        (0.5, 0.3, 0.9, ""),
        (0.5, None, 0.9, ""),
    ],
)
def test_a_collapse_is_said_in_words(share: float, effect: float | None, agreement: float, said: str) -> None:
    words = in_words({"causal_share": share, "question_effect": effect, "causal_agreement": agreement})
    assert said in words
    assert bool(words) == bool(said)


@pytest.mark.parametrize(
    ("share", "effect", "agreement"),
    [(EVERYTHING, 0.5, 0.9), (NOTHING, 0.5, 0.9), (0.5, SAME, 0.9), (0.5, 0.5, COIN_TOSS)],
)
def test_a_value_at_its_bound_is_no_collapse(share: float, effect: float, agreement: float) -> None:
    assert in_words({"causal_share": share, "question_effect": effect, "causal_agreement": agreement}) == ""


def test_what_is_said_has_its_numbers_in_percent_and_both_collapses() -> None:
    words = in_words({"causal_share": 0.5, "question_effect": 0.0084, "causal_agreement": 0.51})
    first, second = words.split("; ", 1)
    assert first == (
        "the grounding indicator has collapsed: its selection does not depend on the question (another question "
        "changes 0.8 % of the clips)"
    )
    assert second.startswith(
        "the selection is close to a coin toss while the model trains: two draws of the noise agree on 51 % of "
        "the clips"
    )
    assert "hardly any clip is called causal (4 %)" in in_words({"causal_share": 0.04})
