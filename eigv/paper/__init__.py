"""What the paper shows: tables, figures and pages, from what runs have written. Imports neither torch nor runs."""
