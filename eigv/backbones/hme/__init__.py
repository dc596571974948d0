"""HME: a video is read with a memory of what was seen, a text with one of what was read; both are asked in rounds."""

from eigv.backbones.hme.model import Hme

__all__ = ["Hme"]
