"""Questions about a script: templates, candidates, and the scenes that hold the answer."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from extract.demo.scenes import ACTIONS, COLOURS, QUESTIONS, SHAPES, Scene, Script, generator

TYPES = ("action", "colour", "shape", "after", "before")
VOCABULARY = {"action": ACTIONS, "colour": COLOURS, "shape": SHAPES, "after": ACTIONS, "before": ACTIONS}
CANDIDATES = 5
T = TypeVar("T")

# {actor} is "red circle", {does} is "bounces", {do} is "bounce", {doing} is "bouncing".
PHRASINGS = {
    "action": ("what does the {actor} do", "what is the {actor} doing", "how does the {actor} move"),
    "colour": (
        "which colour is the shape that {does}",
        "what colour is the shape that is {doing}",
        "which colour has the shape that you see {do}",
    ),
    "shape": (
        "which shape {does}",
        "which shape is it that is {doing}",
        "what is the shape of the one that you see {do}",
    ),
    "after": (
        "what does the next shape do after the {actor}",
        "what happens next after the {actor} {does}",
        "how does the shape move that comes after the {actor}",
    ),
    "before": (
        "what does the shape do that comes before the {actor}",
        "what happened last before the {actor} {does}",
        "how did the last shape move before the {actor} came",
    ),
}
DOING = {
    "slide": "sliding",
    "bounce": "bouncing",
    "orbit": "orbiting",
    "pulse": "pulsing",
    "shake": "shaking",
    "blink": "blinking",
}


@dataclass(frozen=True)
class Question:
    """One question; multiple choice and open-ended ask it in the same words."""

    type: str
    text: str
    answer: str
    candidates: tuple[str, ...]
    right: int  # index of the answer among the candidates
    scenes: tuple[Scene, ...]  # the scenes that one must see to answer, in order
    seconds: tuple[tuple[float, float], ...]  # and when they are


def ask(script: Script, seed: int, index: int, count: int) -> list[Question]:
    """`count` questions about video `index` (from 0) of a split, spread over the types as evenly as it allows.

    Scenes without an actor are never asked for: the shape "after" another is the next one that appears. A script that
    says which action is asked for has one question of the type action.
    """
    rng = generator(QUESTIONS, seed, script.split, index)
    waiting = {kind: _shuffled(rng, _moments(kind, script)) for kind in TYPES}
    asked: list[Question] = []
    while len(asked) < count and any(waiting.values()):
        # A new order in every round, so that a round that is cut short favours no type.
        for kind in _shuffled(rng, list(TYPES)):
            if waiting[kind] and len(asked) < count:
                asked.append(_question(rng, script, kind, *waiting[kind].pop()))
    return asked


def _moments(kind: str, script: Script) -> list[tuple[Scene, Scene]]:
    pairs = MOMENTS[kind](script.acted)
    return [pair for pair in pairs if kind != "action" or script.asked in (None, pair[1])]


def _question(rng: np.random.Generator, script: Script, kind: str, named: Scene, answering: Scene) -> Question:
    assert named.actor and named.action
    words = {"actor": named.actor, "do": named.action, "does": f"{named.action}s", "doing": DOING[named.action]}
    text = str(rng.choice(PHRASINGS[kind])).format(**words)
    answer = _reply(kind, answering)
    candidates = _candidates(rng, script, kind, answer)
    scenes = tuple(sorted({named, answering}, key=lambda scene: scene.first))
    seconds = tuple((script.span(scene)[0], script.span(scene)[1]) for scene in scenes)
    return Question(kind, text, answer, candidates, candidates.index(answer), scenes, seconds)


def _reply(kind: str, scene: Scene) -> str:
    assert scene.actor and scene.action
    return {"colour": scene.actor.colour, "shape": scene.actor.shape}.get(kind, scene.action)


def _candidates(rng: np.random.Generator, script: Script, kind: str, answer: str) -> tuple[str, ...]:
    """The answer among four others: first what the other scenes would answer, then what no scene would."""
    seen = {_reply(kind, scene) for scene in script.acted} - {answer}
    elsewhere = _shuffled(rng, [word for word in VOCABULARY[kind] if word in seen])
    nowhere = _shuffled(rng, [word for word in VOCABULARY[kind] if word not in seen and word != answer])
    return tuple(_shuffled(rng, [answer, *[*elsewhere, *nowhere][: CANDIDATES - 1]]))


def _shuffled(rng: np.random.Generator, items: list[T]) -> list[T]:
    return [items[position] for position in rng.permutation(len(items))]


Pairs = Iterator[tuple[Scene, Scene]]


def _same(acted: list[Scene]) -> Pairs:
    return zip(acted, acted, strict=True)


def _next(acted: list[Scene]) -> Pairs:
    return itertools.pairwise(acted)


def _previous(acted: list[Scene]) -> Pairs:
    return ((scene, before) for before, scene in itertools.pairwise(acted))


# For each type: the scene that the question names, and the scene that answers it.
MOMENTS: dict[str, Callable[[list[Scene]], Pairs]] = {
    "action": _same,
    "colour": _same,
    "shape": _same,
    "after": _next,
    "before": _previous,
}
