"""Health, metrics, logs, backup."""
