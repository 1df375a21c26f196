"""Ways to confine a run."""
