"""What can be said of an engine that is kept at work (`keeper`).

loading   there was no engine yet; frames wait
serving   there is one; another may be on its way to replace it
mending   it failed, and is made again, or with another backend; frames wait
failed    nothing helped; its streams are given up
"""

from __future__ import annotations

from enum import StrEnum


class EngineState(StrEnum):
    """See the module."""

    LOADING = "loading"
    SERVING = "serving"
    MENDING = "mending"
    FAILED = "failed"
