"""The configuration as typed models, and the settings of one run that follow from it. Imports no torch.

To be read in this order: `run/`, what a run is set to, with every default; `methods.py` and `official.py`, what the
methods and the official code set; `run_path.py`, how a run is named; `targets.py`, what is shown; `experiment.py`, the
whole, of which `extract/config/` has the part that comes before training. `docs.py` makes the table of all keys.
"""
