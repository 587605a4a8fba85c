"""The services of a cluster's head: an MLflow server, PostgreSQL and Optuna's dashboard."""
