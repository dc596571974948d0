"""Backbones by name: those that are built in, and a user's own."""

from typing import Any

from base import plug
from base.errors import UserError, no_such
from base.settings import Settings, parse
from eigv.backbones.amu import Amu
from eigv.backbones.comem import Comem
from eigv.backbones.contract import Backbone, ClipWidths
from eigv.backbones.hga import Hga
from eigv.backbones.hme import Hme
from eigv.backbones.mspan import Mspan
from eigv.config.run import BackbonesSettings, Plugin

BACKBONES: dict[str, type[Backbone[Any, Any]]] = {
    "amu": Amu,
    "comem": Comem,
    "hga": Hga,
    "hme": Hme,
    "mspan": Mspan,
}
"""Those that are built in. The settings of each are the field of its name in `BackbonesSettings`."""


def build(
    name: str, settings: BackbonesSettings, clip_widths: ClipWidths, token_width: int, plugin: Plugin | None = None
) -> Backbone[Any, Any]:
    """The backbone `name` for clip features of `clip_widths` and token features of `token_width`.

    Raises `UserError` for a name that no backbone has, and for a plugin that cannot be loaded.
    """
    own: Settings
    if plugin:
        backbone = _of_user(name, plugin)
        own = parse(backbone.settings_type, plugin.settings, f"plugins.{name}.settings")
    elif name in BACKBONES:
        backbone, own = BACKBONES[name], getattr(settings, name)
    else:
        raise UserError(no_such("backbone", name, BACKBONES))
    return backbone(own, clip_widths=clip_widths, token_width=token_width)


def _of_user(name: str, plugin: Plugin) -> type[Backbone[Any, Any]]:
    found = plug.load(plugin.code, type, f"plugins.{name}")
    if not issubclass(found, Backbone):
        raise UserError(f"plugins.{name}: {plugin.code} is no subclass of eigv.backbones.Backbone")
    return found
