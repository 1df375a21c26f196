"""The decisions: pure functions over core. Time and chance are handed in."""
