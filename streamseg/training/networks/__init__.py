"""The networks of a run: new ones, warm starts, interpolated weights, teachers."""
