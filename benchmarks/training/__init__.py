"""What training and evaluation cost, beside the official way: make bench-train."""
