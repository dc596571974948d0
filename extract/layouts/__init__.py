"""The layouts in which video features are passed around: ours, and those of other people's releases."""

from extract.layouts import hcrn, nextqa, npy, ours  # noqa: F401  (they register themselves)
from extract.layouts.contract import LAYOUTS, FeatureSource, Layout, open_layout, recognise

__all__ = ["LAYOUTS", "FeatureSource", "Layout", "open_layout", "recognise"]
