"""VideoQA models that EIGV can wrap. A backbone is a module or a folder of them, and one name in `registry.py`."""

from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens
from eigv.backbones.registry import BACKBONES, build, streams_of

__all__ = ["BACKBONES", "Backbone", "ClipWidths", "Clips", "Tokens", "build", "streams_of"]
