"""HCRN: relations among frames, then among clips, each conditioned on motion and on the question."""

from eigv.backbones.hcrn.model import Hcrn

__all__ = ["Hcrn"]
