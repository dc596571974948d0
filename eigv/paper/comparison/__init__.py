"""Two systems on the same questions: how far apart they are, and whether that is more than chance."""
