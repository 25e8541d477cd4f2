"""`python -m streamseg`, and the command `streamseg`."""

import signal
import sys


def main() -> int:
    """Run the command line and return its exit code.

    A daemon imports for a second before it can hear SIGHUP and SIGUSR1, which end a process by default. Both
    wait until then: `daemon/process/signals.py` lets them in.
    """
    if sys.argv[1:2] == ["run"]:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP, signal.SIGUSR1))
    from streamseg.cli import main as run_command  # noqa: PLC0415 - after the signals

    return run_command()


if __name__ == "__main__":
    sys.exit(main())
