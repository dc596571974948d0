"""Choices that commands offer, too. Apart from the settings, since commands show their help without importing those."""

from typing import Literal

DataOn = Literal["auto", "device", "host"]
"""Where the data of a run lie while a GPU is at work: on it as far as they fit, on it, or in memory."""
Environment = Literal["zeroed", "dropped"]
"""What becomes of the other clips where selected ones are answered: zeros in their places, or they are left out."""
