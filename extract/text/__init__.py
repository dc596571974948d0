"""Questions and candidates to token features of a fine-tuned BERT-type encoder."""
