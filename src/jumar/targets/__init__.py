"""Targets that ship with Jumar."""
