"""What happens in a demo video: its scenes, drawn from the seed, and nothing about pixels."""

import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from extract.demo.settings import DemoSettings

SHAPES = ("circle", "square", "triangle", "star", "cross")
COLOURS = ("red", "yellow", "green", "blue", "purple", "white")
ACTIONS = ("slide", "bounce", "orbit", "pulse", "shake", "blink")
BACKGROUNDS = ("ocean", "meadow", "desert", "city", "snow", "night")

# The association that `bias` is about: what usually happens where.
BACKGROUND_OF = dict(zip(ACTIONS, BACKGROUNDS, strict=True))
ACTION_OF = {background: action for action, background in BACKGROUND_OF.items()}

# Streams of random numbers. Each is keyed by one of these first, so that no two of them can ever share a seed: the
# motion network cannot have seen a video of the data set.
SCRIPT, PIXELS, QUESTIONS, MOTION = range(4)


@dataclass(frozen=True)
class Actor:
    """Who acts."""

    colour: str
    shape: str

    def __str__(self) -> str:
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """A stretch of a video with one background and at most one actor. Frames `first` up to, not including, `stop`."""

    first: int
    stop: int
    background: str
    actor: Actor | None
    action: str | None


@dataclass(frozen=True)
class Script:
    """A video: its scenes follow each other without a gap."""

    video: str
    split: str
    fps: int
    scenes: tuple[Scene, ...]
    asked: Scene | None = None
    """The one scene whose action is asked for; None where every action is."""

    @property
    def frames(self) -> int:
        """The length in frames."""
        return self.scenes[-1].stop

    @property
    def duration(self) -> float:
        """The length in seconds."""
        return round(self.frames / self.fps, 3)

    @property
    def acted(self) -> list[Scene]:
        """The scenes with an actor, in order."""
        return [scene for scene in self.scenes if scene.actor]

    def span(self, scene: Scene) -> list[float]:
        """Start and end of a scene in seconds."""
        return [round(scene.first / self.fps, 3), round(scene.stop / self.fps, 3)]

    def as_json(self) -> dict[str, Any]:
        """The script as it stands in scenes.json."""
        return {
            "split": self.split,
            "fps": self.fps,
            "frames": self.frames,
            "duration": self.duration,
            "scenes": [
                {
                    "start": self.span(scene)[0],
                    "end": self.span(scene)[1],
                    "background": scene.background,
                    "actor": asdict(scene.actor) if scene.actor else None,
                    "action": scene.action,
                }
                for scene in self.scenes
            ],
        }


def generator(stream: int, seed: int, split: str, index: int) -> np.random.Generator:
    """The random numbers of one stream of video `index` (from 0) of a split."""
    return np.random.default_rng([stream, seed, zlib.crc32(split.encode()), index])


def video_id(split: str, index: int) -> str:
    """The id of video `index` (from 0) of a split: train0001."""
    return f"{split}{index + 1:04d}"


def write_script(settings: DemoSettings, split: str, index: int) -> Script:
    """Draws video `index` (from 0) of a split.

    Colours, shapes and actions are each distinct within a video, so that an actor is named by its colour, its shape
    or its action alone, and a question has one answer.
    """
    rng = generator(SCRIPT, settings.seed, split, index)
    bias = settings.split_bias(split)
    count = int(rng.integers(settings.scenes[0], settings.scenes[1] + 1))
    empty = int(rng.integers(settings.empty_scenes[0], settings.empty_scenes[1] + 1))
    has_actor = rng.permutation(count) >= empty
    colours, shapes, actions = (rng.permutation(names) for names in (COLOURS, SHAPES, ACTIONS))

    cast: list[tuple[Actor | None, str | None]] = []
    for acted in has_actor:
        nth = sum(actor is not None for actor, _ in cast)
        actor = Actor(str(colours[nth]), str(shapes[nth])) if acted else None
        cast.append((actor, str(actions[nth]) if acted else None))
    actions_shown = [action for _, action in cast]
    asked = None
    if settings.environment == "other-scene":
        asked = int(rng.choice(np.flatnonzero(has_actor)))
        backgrounds = _away_from_the_actors(rng, bias, actions_shown, asked)
    else:
        backgrounds = _where_it_happens(rng, bias, actions_shown)

    scenes, first = [], 0
    for (actor, action), background in zip(cast, backgrounds, strict=True):
        stop = first + max(1, round(float(rng.uniform(*settings.scene_seconds)) * settings.fps))
        scenes.append(Scene(first, stop, background, actor, action))
        first = stop
    return Script(video_id(split, index), split, settings.fps, tuple(scenes), None if asked is None else scenes[asked])


def _where_it_happens(rng: np.random.Generator, bias: float, actions: list[str | None]) -> list[str]:
    """Backgrounds that go with the action of their own scene, as often as the bias says."""
    backgrounds = [_background(rng, bias, BACKGROUND_OF[action]) if action else "" for action in actions]
    for position, action in enumerate(actions):
        if action is None:  # an empty scene passes for a part of the scene beside it
            backgrounds[position] = _background(rng, bias, _neighbour(rng, backgrounds, position))
    return backgrounds


def _away_from_the_actors(rng: np.random.Generator, bias: float, actions: list[str | None], asked: int) -> list[str]:
    """Backgrounds of empty scenes that go with the action of scene `asked`; those of the others go with nothing."""
    told = BACKGROUND_OF[actions[asked] or ""]
    return [_background(rng, 0.0 if action else bias, told) for action in actions]


def _background(rng: np.random.Generator, bias: float, usual: str) -> str:
    # Both numbers are drawn whatever the bias, so that scripts of different bias differ in their backgrounds alone.
    biased, any_place = rng.random() < bias, str(rng.choice(BACKGROUNDS))
    return usual if biased else any_place


def _neighbour(rng: np.random.Generator, backgrounds: list[str], position: int) -> str:
    """The background of the nearest scene that has one already; a coin decides between both sides."""
    known = [other for other, background in enumerate(backgrounds) if background]
    nearest = min(abs(other - position) for other in known)
    beside = [other for other in known if abs(other - position) == nearest]
    return backgrounds[int(rng.choice(beside))]
