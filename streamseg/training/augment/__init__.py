"""Random changes of pictures and labels, and synthetic clips."""
