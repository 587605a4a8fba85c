"""The contract with MLflow that every room keeps: names, the codec of configurations, links, addresses of artefacts."""
