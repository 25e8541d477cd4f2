"""A subscriber of masks and of the pictures they were made from, paired by epoch and sequence number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import zmq

import streamseg
from examples.stream_stats import Tally, seen
from streamseg.client.subscription import Mask, Subscription
from streamseg.types import U8, ModelInfo
from streamseg.wire.control_headers import StatusHeader

Key = tuple[str, int]  # epoch, seq
KEPT = 64  # masks or pictures that wait for their other half


@dataclass(frozen=True, slots=True)
class Pair:
    """A mask beside the picture it was made from.

    Attributes:
        captured_unix_s: When the frame was captured, wall time.
        labels: Label map `[H, W]` uint8.
        jpeg: The picture at the mask's size, as JPEG bytes.
    """

    captured_unix_s: float
    labels: U8
    jpeg: bytes

    @property
    def picture(self) -> U8:
        """The picture `[H, W, 3]` uint8 RGB."""
        bgr = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        return np.ascontiguousarray(bgr[..., ::-1], dtype=np.uint8)


class Pictures:
    """The topic `pic/1/<stream>/jpeg`, read without ever waiting."""

    def __init__(self, address: str, stream: str) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.subscribe(f"pic/1/{stream}/jpeg")
        self._socket.connect(address)

    def arrived(self) -> dict[Key, bytes]:
        """Every picture that came since the last call."""
        found: dict[Key, bytes] = {}
        while self._socket.poll(0):
            _, head, body = self._socket.recv_multipart()
            header = json.loads(head)
            found[header["epoch"], header["seq"]] = body
        return found

    def close(self) -> None:
        """Closes the socket; idempotent."""
        self._socket.close()


class Gatherer:
    """Reads every mask of one stream, keeps count, and pairs masks with their pictures.

    Attributes:
        tally: What was seen so far.
        pairs: Masks with their pictures, in the order of the masks.
    """

    def __init__(self, masks: Subscription, pictures: Pictures) -> None:
        self.tally = Tally()
        self.pairs: list[Pair] = []
        self._masks = masks
        self._pictures = pictures
        self._maskless: dict[Key, bytes] = {}
        self._pictureless: dict[Key, Mask] = {}

    @classmethod
    def listen(cls, address: str, stream: str, silence_s: float = 0.25) -> Gatherer:
        """Subscribes to a stream's masks, each of them, and to its pictures.

        Args:
            address: Where the daemon publishes, or soon will.
            stream: Name of the stream.
            silence_s: How long `step` waits for a mask.
        """
        masks = streamseg.subscribe(address, stream=stream, latest=False, timeout_s=silence_s)
        return cls(masks, Pictures(address, stream))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def model(self) -> ModelInfo | None:
        """What the daemon said of its model; None before it did."""
        return self._masks.info

    def state(self, stream: str) -> StatusHeader | None:
        """The stream's last announced state; None before there was one."""
        return self._masks.statuses.get(stream)

    def step(self) -> bool:
        """Waits for one mask for a moment; True if one came."""
        try:
            mask = next(self._masks)
        except TimeoutError:
            return False
        self.tally.add(seen(mask))
        self._pictureless[mask.header.epoch, mask.seq] = mask
        self._pair()
        return True

    def close(self) -> None:
        """Closes both sockets; idempotent."""
        self._masks.close()
        self._pictures.close()

    def _pair(self) -> None:
        """Matches what can be matched; what has waited too long is forgotten."""
        self._maskless |= self._pictures.arrived()
        for key in [key for key in self._pictureless if key in self._maskless]:
            mask = self._pictureless.pop(key)
            self.pairs.append(Pair(mask.header.time.capture, mask.labels, self._maskless.pop(key)))
        for waiting in (self._maskless, self._pictureless):
            for key in list(waiting)[:-KEPT]:
                del waiting[key]
