"""HTML pages: the explorer of predictions, and those of the report."""
