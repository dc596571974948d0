"""How a run learns: the steps of a model and of an indicator, their updates, and what is watched meanwhile."""
