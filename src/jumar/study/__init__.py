"""The loop: the only place with a `while` that waits."""
