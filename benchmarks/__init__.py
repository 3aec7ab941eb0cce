"""What DiStreamer costs, measured; see docs/benchmarks.md."""
