"""Provokes every event for real, and measures when the alert comes; see docs/faults.md."""
