"""From a package in float to one that also runs in int8: offline, on the machine it is for, without torch.

frames     pictures to calibrate on, from clips, folders and live streams
fold       the segmenter as the quantiser wants it
quantiser  one Q/DQ graph for CPUs and TensorRT, any of its layers left in float
harm       which layers quantise worst
fallback   how many of them must stay in float
judge      what a package loses: mIoU, or agreement with itself in float
draft      the package as it is being made
compare    precisions and backends side by side, as a table
calibrate  all of it, in order

Needs the `quantise` extra (`onnx`; the quantiser is ONNX Runtime's own).
"""
