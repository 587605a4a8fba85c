"""The same work as a user would write it by the documentation of Ray Tune and of Optuna."""
