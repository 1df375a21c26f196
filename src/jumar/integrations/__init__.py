"""What ships for programs that other agents live in: a skill, and where each looks for skills."""
