"""The process: systemd, signals, logs, memory."""
