"""The configuration as typed models, and the settings of one run that follow from it. Imports no torch."""
