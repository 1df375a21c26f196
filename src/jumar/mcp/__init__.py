"""The face for agents of other programs: the verbs of research from outside, as tools of an MCP server."""
