"""The backend `tensorrt`: NVIDIA TensorRT 10 or 11."""

from streamseg.inference.backends.tensorrt.provider import STANDARD

report, load = STANDARD.report, STANDARD.load
machine, missing, build = STANDARD.machine, STANDARD.missing, STANDARD.build
