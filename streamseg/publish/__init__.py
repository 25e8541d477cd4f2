"""The socket that masks leave by, and the one thread that owns it."""
