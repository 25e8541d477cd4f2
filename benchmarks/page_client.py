"""Somebody who looks at the page, without a browser's own cost.

    python -m benchmarks.page_client HOST:PORT STREAM SECONDS

Takes every message of one stream and prints how many pictures came, and how many bytes, as JSON.
"""

from __future__ import annotations

import json
import sys
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def look(address: str, stream: str, seconds: float) -> dict[str, float]:
    """Pictures and bytes a second, over the time since the first picture."""
    pictures = size = 0
    began_s = ends_s = time.monotonic()
    with connect(f"ws://{address}/live", compression=None, max_size=2**24) as page:
        page.send(json.dumps({"streams": [stream]}))
        try:
            while not pictures or time.monotonic() < ends_s:
                message = page.recv(60)
                if isinstance(message, bytes):
                    if not pictures:
                        began_s = time.monotonic()
                        ends_s = began_s + seconds
                    pictures, size = pictures + 1, size + len(message)
        except (ConnectionClosed, TimeoutError):
            pass
    took_s = max(time.monotonic() - began_s, 1e-9)
    return {"pictures_per_s": pictures / took_s, "kb_per_s": size / took_s / 1e3}


if __name__ == "__main__":
    print(json.dumps(look(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
