"""The training loop: steps, checkpoints, resume, processes, progress."""
