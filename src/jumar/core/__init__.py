"""The ideas: frozen values and small protocols. Nothing here reads, writes, waits or rolls dice.

Values that are recorded or cross a process are `msgspec.Struct`s: frozen, typed when decoded,
and refused when a field is unknown or of the wrong kind.
"""
