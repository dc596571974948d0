"""Section 4 of the paper: grounding indicator, intervener, disruptor, objective, and the step that joins them."""
