"""The ground floor: what extraction and models both need and neither owns. Imports nothing of theirs."""
