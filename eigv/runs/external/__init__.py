"""What others have made: checkpoints of the official code, and predictions of any system."""
