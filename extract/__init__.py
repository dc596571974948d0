"""From raw files to HDF5: annotations, videos, features and token features."""
