"""Networks that were not made here, as model packages: any ONNX or TFLite network that labels pixels.

asked      what the user says about a network
network    the file, read; which of its tensors is the picture, which the answer
compose    a graph around it: picture in as every package takes it, logits out
reading    what the answer means: logits, labels, one channel, two classes; found out by trying
package    all of it in order, and the folder
tflite, convolutions, operators   TFLite networks as ONNX ones
nodes      ONNX nodes put together

Needs the `wrap` extra; nothing else of the daemon does.
"""
