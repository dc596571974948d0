"""Long work: how far it is, how it ends early and goes on, and the GPU that it claims."""
