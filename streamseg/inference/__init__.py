"""Model packages and the engines that run them; the engine worker.

manifest   what `model.yaml` says
package    finding a package and trusting it (hashes)
contract   which tensors each graph must have
engine     the `InferenceEngine` protocol and its words
openvino, ort   the backends; select picks one (openvino_graph, providers: what they stand on)
readout    label map from logits where the package has no graph for it
worker     the one thread that owns the engine
telemetry  what the backends would report to their makers, refused as soon as this package is imported
"""

from streamseg.inference.backends import telemetry

telemetry.refuse()
