"""What extraction costs in time and memory, and how precise it is: make bench-extract."""
