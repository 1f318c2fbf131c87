"""What the benchmarks share: servers to measure, and viewers that cost next to nothing."""
