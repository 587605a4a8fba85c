"""What the rooms share of MLflow: names that are kept there, links into its UI, and addresses of artifacts."""
