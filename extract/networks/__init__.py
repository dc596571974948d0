"""Feature networks, by name."""

from extract.networks import appearance, motion  # noqa: F401  (they register themselves)
from extract.networks.registry import NETWORKS, FeatureNetwork, LoadedNetwork, input_size, load_network, lookup

__all__ = ["NETWORKS", "FeatureNetwork", "LoadedNetwork", "input_size", "load_network", "lookup"]
