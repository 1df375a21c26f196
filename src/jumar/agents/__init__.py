"""Ways to propose. `registry.make_agent` knows them by name."""
