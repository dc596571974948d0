"""Questions and candidates to token features of a fine-tuned encoder of transformers."""
