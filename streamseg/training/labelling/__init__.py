"""`streamseg label`: pseudo-labels from the packages that agree."""
