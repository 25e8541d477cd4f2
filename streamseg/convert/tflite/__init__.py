"""TFLite networks as ONNX graphs: reader, operators, quantisation."""
