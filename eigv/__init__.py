"""From HDF5 to answers and rationales: backbones, EIGV, training, evaluation, tables and figures."""
