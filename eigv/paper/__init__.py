"""What the paper shows: tables, figures and pages, from files that runs have written. Imports neither torch nor runs."""
