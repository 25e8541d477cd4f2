"""What each stream is doing: snapshots for status messages, logs and whoever asks."""
