"""A trained run answers questions about a video: features as the workflow makes them, an answer and its rationale."""
