"""Torch networks: segmenter (encoder + decoder), recurrent stabiliser, readout. Imports torch and nothing of ours."""
