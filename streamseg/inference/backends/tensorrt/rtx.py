"""The backend `tensorrt_rtx`: NVIDIA TensorRT for RTX, whose builder needs no GPU."""

from streamseg.inference.backends.tensorrt.provider import RTX

report, load = RTX.report, RTX.load
machine, missing, build = RTX.machine, RTX.missing, RTX.build
