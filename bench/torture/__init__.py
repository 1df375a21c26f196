"""Kills studies at every moment that can be named, and at many that cannot, and looks at what is left."""
