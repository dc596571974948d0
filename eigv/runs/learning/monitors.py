"""What is watched while a run trains, and what is said when the grounding indicator has collapsed.

Sizes: B batch, K clips.
"""

from collections.abc import Mapping

from torch import Tensor

from eigv.method.grounding import Scene
from eigv.method.step import Prediction

EVERYTHING, NOTHING = 0.95, 0.05
"""Shares of causal clips beyond which a selection says nothing."""
SAME = 0.01
"""Share of clips whose label another question changes, below which the question has no part in the selection."""
COIN_TOSS = 0.55
"""Expected agreement of two draws of the noise below which the selection is called a coin toss; that of one is 0.5."""


def selection(scene: Scene) -> dict[str, Tensor]:
    """Of the scenes of a batch: `causal_share`, its spread over the questions, and how stable the choice is.

    `causal_agreement` is the expected share of clips on which two draws of the noise agree, p^2 + (1 - p)^2 with p the
    probability of being causal (Eq. 8): 0.5 is a coin toss, 1 a choice that the noise does not change.
    """
    share = scene.causal.detach().mean(dim=1)  # (B,)
    chance = scene.probability_causal.detach()  # (B, K)
    return {
        "causal_share": share.mean(),
        "causal_spread": share.std(correction=0),
        "causal_agreement": (chance**2 + (1 - chance) ** 2).mean(),
    }


def question_effects(prediction: Prediction) -> list[float]:
    """For each sample, the share of its video's clips that the next sample's question labels differently.

    Empty for a batch of one, which has no other question.
    """
    if len(prediction.logits) == 1:
        return []
    return (prediction.scene.causal != prediction.elsewhere.causal).float().mean(dim=1).tolist()


def in_words(watched: Mapping[str, float | None]) -> str:
    """What users must know about a grounding indicator of which these values were watched; empty if nothing."""
    share, effect, agreement = (watched.get(name) for name in ("causal_share", "question_effect", "causal_agreement"))
    found = []
    if share is not None and not NOTHING <= share <= EVERYTHING:
        which = "nearly every" if share > EVERYTHING else "hardly any"
        found.append(f"the grounding indicator has collapsed: {which} clip is called causal ({100 * share:.0f} %)")
    elif effect is not None and effect < SAME:
        found.append(
            "the grounding indicator has collapsed: its selection does not depend on the question "
            f"(another question changes {100 * effect:.1f} % of the clips)"
        )
    if agreement is not None and agreement < COIN_TOSS:
        found.append(
            "the selection is close to a coin toss while the model trains: two draws of the noise agree on "
            f"{100 * agreement:.0f} % of the clips (Eq. 8 takes probabilities as logits; see docs/method.md)"
        )
    return "; ".join(found)
