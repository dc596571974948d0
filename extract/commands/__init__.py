"""The commands of `eigv-extract`, by subject. They import what they need when they run."""
