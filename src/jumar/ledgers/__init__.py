"""Ways to remember."""
