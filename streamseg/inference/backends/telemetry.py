"""OpenVINO and ONNX Runtime tell their makers that they are used, unless they are told not to.

A daemon beside cameras tells nobody. Whoever wants it sets `ORT_DISABLE_TELEMETRY=0`; OpenVINO has no such
switch before its import is through, so its reporter is not to be had in this process.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def refuse() -> None:
    """Have neither report; to be called before either is imported."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    modules: dict[str, Any] = sys.modules
    modules.setdefault("openvino_telemetry", None)  # importing it fails, and OpenVINO goes without
