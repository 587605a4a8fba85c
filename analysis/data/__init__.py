"""A sweep's runs as MLflow holds them: records, curves, and pandas frames."""
