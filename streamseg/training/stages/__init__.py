"""The stages of a run: segment, adversarial, semi-supervised, stabilise."""
