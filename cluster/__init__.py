"""Where a sweep runs: Ray sessions, the Tuner, MLflow tracking, and the commands of the front door."""
