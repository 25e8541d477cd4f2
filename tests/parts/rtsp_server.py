#!/usr/bin/python3
"""A real RTSP server for tests: loops a clip like a camera, with GStreamer's gst-rtsp-server.

Runs under the distribution's /usr/bin/python3 (its `gi`), in a process of its own, so that a test can freeze
it (SIGSTOP), kill it and start it again on the same port. Prints `READY <port>` once it listens.

    rtsp_server.py --clip cam=clip.mp4 [--port 0] [--user u --password p [--digest]] [--udp-only]
"""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import dataclass, field

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")  # gives appsink its methods
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402  # versions come first

assert GstApp is not None
ROLE = "user"
SESSION_SWEEP_S = 2


@dataclass
class Unit:
    """One access unit of the clip: its bytes, how long it lasts (ns), whether it needs others."""

    data: bytes
    duration_ns: int
    delta: bool


@dataclass
class Clip:
    """A clip in memory, as it is sent."""

    codec: str
    caps: Gst.Caps
    units: list[Unit] = field(default_factory=list)


def load(path: str) -> Clip:
    """Read an MP4 of H.264 (or, with `hevc` in its name, H.265) into access units."""
    codec = "h265" if "hevc" in path else "h264"
    pipeline = Gst.parse_launch(
        f"filesrc location={path} ! qtdemux ! {codec}parse config-interval=-1 "
        f"! video/x-{codec},stream-format=byte-stream,alignment=au ! appsink name=sink sync=false"
    )
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    clip = None
    while sample := sink.emit("pull-sample"):
        buffer = sample.get_buffer()
        clip = clip or Clip(codec, sample.get_caps())
        data = buffer.extract_dup(0, buffer.get_size())
        clip.units.append(Unit(data, buffer.duration, buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)))
    pipeline.set_state(Gst.State.NULL)
    if clip is None:
        sys.exit(f"{path}: no video in it")
    return clip


class Camera(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]  # gi is untyped
    """Sends a clip over and over, in real time, with times that go on."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self._clip = clip

    def do_create_element(self, _: GstRtsp.RTSPUrl) -> Gst.Element:
        codec = self._clip.codec
        return Gst.parse_launch(
            f"( appsrc name=source is-live=true format=time block=true max-bytes=2000000 "
            f"! {codec}parse ! rtp{codec}pay name=pay0 pt=96 config-interval=-1 )"
        )

    def do_configure(self, media: GstRtspServer.RTSPMedia) -> None:
        source = media.get_element().get_by_name("source")
        source.set_property("caps", self._clip.caps)
        source.connect("need-data", Sender(self._clip).send)


class Sender:
    """Feeds one client's pipeline."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._sent = 0
        self._time_ns = 0

    def send(self, source: Gst.Element, _: int) -> None:
        """Push the next access unit."""
        unit = self._clip.units[self._sent % len(self._clip.units)]
        buffer = Gst.Buffer.new_wrapped(unit.data)
        buffer.pts = buffer.dts = self._time_ns
        buffer.duration = unit.duration_ns
        if unit.delta:
            buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
        self._sent += 1
        self._time_ns += unit.duration_ns
        source.emit("push-buffer", buffer)


def authentication(user: str, password: str, *, digest: bool) -> GstRtspServer.RTSPAuth:
    """Let in only `user`."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    return auth


def camera(path: str, options: argparse.Namespace) -> Camera:
    """The camera that sends the clip at `path`."""
    factory = Camera(load(path))
    if options.udp_only:
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    if options.user:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role(ROLE)
        permissions.add_permission_for_role(ROLE, "media.factory.access", True)
        permissions.add_permission_for_role(ROLE, "media.factory.construct", True)
        factory.set_permissions(permissions)
    return factory


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", default="0")
    parser.add_argument("--clip", action="append", required=True, metavar="MOUNT=PATH")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--digest", action="store_true")
    parser.add_argument("--udp-only", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Serve until SIGTERM."""
    options = arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    if options.user:
        server.set_auth(authentication(options.user, options.password, digest=options.digest))
    for clip in options.clip:
        mount, _, path = clip.partition("=")
        server.get_mount_points().add_factory(f"/{mount}", camera(path, options))
    if server.attach(None) == 0:
        sys.exit(f"port {options.port} cannot be bound")
    loop = GLib.MainLoop()
    GLib.timeout_add_seconds(SESSION_SWEEP_S, lambda: server.get_session_pool().cleanup() >= 0)
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    print("READY", server.get_bound_port(), flush=True)
    loop.run()


if __name__ == "__main__":
    main()
