"""What runs the graphs of a package: OpenVINO, ONNX Runtime on any provider, TensorRT."""
