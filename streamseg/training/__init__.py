"""The offline trainer: data, losses, stages, measures, export. Training needs the `train` extra."""
