"""Whose rationales are true, on rendered videos: the data sets and the results of make rationales."""
