"""Models with their losses and metrics, a file a family, and the registry of those that a sweep can name."""
