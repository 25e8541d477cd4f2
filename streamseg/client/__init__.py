"""The other end: subscribing to mask streams, drawing and saving them.

Needs numpy, pyzmq and zstandard only; OpenCV is imported where text is drawn or a png body is read.
"""

from streamseg.client.subscription import Mask, Subscription, subscribe

__all__ = ["Mask", "Subscription", "subscribe"]
