"""Handing work on: bounded mailboxes, threads, deadlines, backoff, throttles, meters. Pure logic, no I/O."""
