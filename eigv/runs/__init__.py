"""What happens to one run: its data, its training, its evaluation, and the model on disk."""
