"""Autoresearch that holds every gain.

A *contract* says what may change, how it is measured and what it may cost. A *study* is the loop
under one contract. An *agent* proposes edits; a *proposal* applied to one parent commit is an
*experiment*. Each execution of an experiment is a *run*; the *evaluator* turns its end into an
*outcome*, the *judge* turns outcomes into a *verdict* (kept, discarded, failed, invalid), and the
*ledger* records all of it, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jumar.app import Study, open_study
    from jumar.home import Options

__version__ = "0.1.0"
__all__ = ["Options", "Study", "__version__", "open_study"]


def __getattr__(name: str) -> object:
    """Load the public API when it is first asked for, so that `import jumar` stays instant."""
    if name in __all__:
        from jumar import app  # noqa: PLC0415

        return getattr(app, name)
    raise AttributeError(f"module 'jumar' has no attribute {name!r}")
