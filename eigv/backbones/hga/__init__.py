"""HGA: tokens and clips are the nodes of one graph."""

from eigv.backbones.hga.model import Hga

__all__ = ["Hga"]
