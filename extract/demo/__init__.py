"""A generated VideoQA data set with known rationales, and the recipe of the motion network that goes with it."""
