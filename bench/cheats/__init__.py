"""A corpus of candidates that want a gain without the work, and a runner that plays each of them."""
