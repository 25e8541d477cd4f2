"""Labelled and unlabelled pictures: found, checked, read, drawn in order."""
