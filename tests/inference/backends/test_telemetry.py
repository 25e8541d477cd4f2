"""The backends keep no notes for their makers, with all of them imported and at work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.fakes.packages import make_package
from tests.waiting import time_limit

WORK = """
import sys
from pathlib import Path
from streamseg.inference.packages.package import open_package
from streamseg.inference.backends.registry import load_engine
package, cache = open_package(sys.argv[1]), Path(sys.argv[2])
for backend in ("openvino", "onnxruntime"):
    engine = load_engine(package, backend, "f32", 1, cache)
    engine.warm_up()
    engine.close()
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
"""


def test_nothing_is_noted_to_be_sent(tmp_path: Path) -> None:
    package = make_package(tmp_path / "tiny").path
    home = tmp_path / "home"
    home.mkdir()
    env = {key: value for key, value in os.environ.items() if key not in {"XDG_CACHE_HOME", "CI"}}
    command = [sys.executable, "-c", WORK, str(package), str(tmp_path / "kept")]
    subprocess.run(command, env={**env, "HOME": str(home)}, check=True, timeout=time_limit(100))
    assert list(home.rglob("*")) == []
