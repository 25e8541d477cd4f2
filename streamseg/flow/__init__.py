"""Handing work on: bounded mailboxes, stage threads, deadlines, backoff and meters. Pure logic, no I/O."""
