"""The rooms assembled: what is started in which order, what is stopped, and what the process says."""
