"""The commands of `eigv`, by subject. They import what they need when they run."""
