"""What a player shows of a video file: which stream, which way up, in which light, and when."""
