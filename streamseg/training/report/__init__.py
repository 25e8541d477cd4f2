"""What a run and an evaluation leave to read, as HTML."""
