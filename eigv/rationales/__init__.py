"""What a rationale is worth: against gold spans, and without them. The formulas are in docs/rationales.md."""
