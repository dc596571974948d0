"""Where the data of a run lie. Apart from the settings, since commands show their help without importing those."""

from typing import Literal

DataOn = Literal["auto", "device", "host"]
"""While a GPU is at work: on it as far as they fit, on it, or in memory."""
