"""Frames in: PyAV for files, RTSP, HTTP, V4L2 and lavfi; reconnects, clocks."""
