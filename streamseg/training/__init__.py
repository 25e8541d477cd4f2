"""The offline trainer: data, losses, stages, checkpoints, measures, export. Needs the `train` extra (torch)."""
