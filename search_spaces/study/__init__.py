"""The Optuna studies of a sweep: what is tried next, what is confirmed, and what came of it."""
