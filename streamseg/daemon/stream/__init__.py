"""One stream: its capture, its state, and the steps from a frame to a mask."""
