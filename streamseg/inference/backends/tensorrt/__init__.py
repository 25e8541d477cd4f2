"""TensorRT and TensorRT-RTX on NVIDIA's GPUs, from one code base for the versions 10 and 11.

probe      what the driver says, before any library of NVIDIA's is loaded
prepare    an ONNX graph as TensorRT takes it; half: its convolutions in half precision
log        TensorRT's own words, kept for errors
build      a prepared graph to a plan; needs no GPU with TensorRT-RTX
cuda       the device: its context, its stream, its memory (pycuda)
plans      the plans of a package, from the cache or built into it
plan       a plan on the device, ready to run; capture: as CUDA graphs
rows       the streams' memories, which never leave the device
slots      the buffers of runs under way
engine     all of it as an `InferenceEngine`; run: what it hands out
provider   the backends `standard` (tensorrt) and `rtx` (tensorrt_rtx)
"""
