"""Recipes: what a training run is told, validated before anything runs."""
