"""Ray clusters from one YAML file: launch files for each provider, their checks, start and stop."""
