"""Ways to measure."""
