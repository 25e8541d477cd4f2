"""The benchmarks run and tell what they measured; never how fast it was."""
