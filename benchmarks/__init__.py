"""Measurements: each writes its section of docs, by a target of the Makefile."""
