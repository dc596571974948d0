"""VideoQA models that EIGV can wrap. A backbone is one file here and one registered name."""

from eigv.backbones import hga  # noqa: F401 - registers itself
from eigv.backbones.contract import Backbone, Clips, Tokens, build, list_backbones, register

__all__ = ["Backbone", "Clips", "Tokens", "build", "list_backbones", "register"]
