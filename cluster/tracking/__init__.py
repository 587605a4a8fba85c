"""What MLflow is told: runs and their descriptions, the queue that writes them, views, notes and pictures."""
