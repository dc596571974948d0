"""Tables 1 to 3: which cells there are, what stands in them, and in which formats."""
