"""Questions about metrics: which series there are, and their samples."""
