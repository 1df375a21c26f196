"""The documentation site: what becomes a page, what is drawn from the code, and the build."""
