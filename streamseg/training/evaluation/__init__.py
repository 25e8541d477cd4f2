"""Measures of packages on pictures and clips; no torch."""
