"""Servers and devices that tests marked `real` run against."""
