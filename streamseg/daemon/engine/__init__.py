"""One engine: loading, the thread that runs it, recovery from faults."""
