"""Torch networks: segmenter, recurrent stabiliser, readout. Imports torch and nothing of ours."""
