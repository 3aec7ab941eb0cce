"""The operator's HTTP API and the metrics, for all instances that name the same ADMIN."""
