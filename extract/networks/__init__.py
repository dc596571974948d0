"""Feature networks, by name."""

from extract.networks import appearance, motion, torchvision_motion  # noqa: F401  (they register themselves)
from extract.networks.entry import NETWORKS, FeatureNetwork
from extract.networks.registry import LoadedNetwork, WeightsFile, load_network, lookup, weights_file

__all__ = ["NETWORKS", "FeatureNetwork", "LoadedNetwork", "WeightsFile", "load_network", "lookup", "weights_file"]
