"""Model packages on disk: their manifest, their graphs, and the checks before they are trusted."""
