"""The training of one trial: a pure, resumable loop, on one process or on several that share their gradients."""
