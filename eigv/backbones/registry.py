"""Backbones by name: those that are built in, and a user's own."""

from typing import Any

from base import plug
from base.errors import UserError, no_such
from base.settings import parse
from eigv.backbones.amu import Amu
from eigv.backbones.comem import Comem
from eigv.backbones.contract import Backbone, ClipWidths
from eigv.backbones.hcrn import Hcrn
from eigv.backbones.hga import Hga
from eigv.backbones.hme import Hme
from eigv.backbones.mspan import Mspan
from eigv.config.names import PARTS, FeatureChoice
from eigv.config.run import BackbonesSettings, Plugin

BACKBONES: dict[str, type[Backbone[Any, Any]]] = {
    "amu": Amu,
    "comem": Comem,
    "hcrn": Hcrn,
    "hga": Hga,
    "hme": Hme,
    "mspan": Mspan,
}
"""Those that are built in. The settings of each are the field of its name in `BackbonesSettings`."""

KIND_OF: dict[str, str] = {"appearance": "appearance", "motion": "motion", "frames": "appearance"}
"""The streams of clip features, and of which kind of features each is."""


def build(
    name: str, settings: BackbonesSettings, clip_widths: ClipWidths, token_width: int, plugin: Plugin | None = None
) -> Backbone[Any, Any]:
    """The backbone `name` for clip features of `clip_widths` and token features of `token_width`.

    Raises `UserError` for a name that no backbone has, and for a plugin that cannot be loaded.
    """
    backbone, own = _class_of(name, plugin), getattr(settings, name, None)
    if plugin:
        own = parse(backbone.settings_type, plugin.settings, f"plugins.{name}.settings")
    return backbone(own, clip_widths=clip_widths, token_width=token_width)


def streams_of(name: str, features: FeatureChoice, plugin: Plugin | None = None) -> str:
    """The clip features that a run with `features` reads, as `Videos.read` takes them.

    That is `features` itself, unless the backbone declares `streams` of its own: these, by their names. `UserError`
    where the run has not the features of all of them.
    """
    streams = _class_of(name, plugin).streams
    if set(streams) == set(Backbone.streams):
        return features
    needed = {KIND_OF[stream] for stream in streams}
    if not needed <= set(PARTS[features]):
        fitting = [f"`{choice}`" for choice, kinds in PARTS.items() if needed <= set(kinds)]
        raise UserError(
            f"the backbone {name} reads {' and '.join(streams)}: it runs on {' and '.join(fitting)}, not on "
            f"`{features}`"
        )
    return "+".join(streams)


def _class_of(name: str, plugin: Plugin | None) -> type[Backbone[Any, Any]]:
    if plugin:
        return _of_user(name, plugin)
    if name not in BACKBONES:
        raise UserError(no_such("backbone", name, BACKBONES))
    return BACKBONES[name]


def _of_user(name: str, plugin: Plugin) -> type[Backbone[Any, Any]]:
    found = plug.load(plugin.code, type, f"plugins.{name}")
    if not issubclass(found, Backbone):
        raise UserError(f"plugins.{name}: {plugin.code} is no subclass of eigv.backbones.Backbone")
    said = found.streams
    named = isinstance(said, tuple | list) and said and all(isinstance(stream, str) for stream in said)
    if not named or len(set(said)) < len(said) or not set(said) <= set(KIND_OF):
        raise UserError(
            f"plugins.{name}: `streams` of {plugin.code} is {said!r}; name one or more of {', '.join(KIND_OF)}, each "
            'once, for example streams = ("frames", "motion")'
        )
    return found
