"""VideoQA models that EIGV can wrap. A backbone is one file here and one registered name."""

from eigv.backbones import comem, hga, mspan  # noqa: F401 - they register themselves
from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens, build, list_backbones, register

__all__ = ["Backbone", "ClipWidths", "Clips", "Tokens", "build", "list_backbones", "register"]
