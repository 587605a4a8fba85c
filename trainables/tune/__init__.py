"""What Ray Tune runs: the Trainable around a training, its checkpoints, and its group of workers."""
