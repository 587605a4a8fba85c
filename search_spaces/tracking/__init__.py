"""The contract with MLflow that every room keeps: names, the codec of configurations, links, addresses of artefacts."""

import os

# By itself MLflow tries for four minutes to reach a server that is away, without a word. A driver waits for one longer,
# in order, and a command that only reads says at once that it is away.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
