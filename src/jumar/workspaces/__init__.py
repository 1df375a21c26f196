"""Ways to isolate edits."""
