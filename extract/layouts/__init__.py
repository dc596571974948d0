"""The layouts in which video features are passed around: ours, those of other people's releases, and your own."""

from extract.layouts.contract import FeatureSource, Layout, Timing, layout_of, open_layout, recognise

__all__ = ["FeatureSource", "Layout", "Timing", "layout_of", "open_layout", "recognise"]
