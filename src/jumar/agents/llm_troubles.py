"""What went wrong with a request to a model: whether waiting helps, and else what the user can do."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from pydantic_ai import exceptions as said_by

_NO_MODEL = ("not found", "no such model", "does not exist", "unknown model")
_LASTING = (said_by.ModelRequestRejectedError, said_by.ModelQuotaExceededError, said_by.UserError)
_PASSING_STATUS = (408, 409, 425, 429)  # of the 4xx; all others are the request's own fault
_MOST_WORDS = 300


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no reply. `wait_s` is what the provider asked for."""

    words: str
    fix: str
    passing: bool
    wait_s: float = 0.0


def trouble(error: Exception, kind: str, key: str, secret: str) -> Trouble:
    """Of a request by an agent of this kind, whose `secret` stands in the variable `key` and is not told."""
    words = " ".join(_words(error).split())
    if secret:
        words = words.replace(secret, "[secret]")
    words = words[:_MOST_WORDS]
    if _is_passing(error):
        wait_s = error.retry_after or 0.0 if isinstance(error, said_by.ModelAPIError) else 0.0
        return Trouble(words=words, fix="wait, and start again", passing=True, wait_s=max(0.0, wait_s))
    return Trouble(words=words, fix=_fix(error, words.lower(), kind, key), passing=False)


def _is_passing(error: Exception) -> bool:
    if isinstance(error, _LASTING):
        return False
    status = getattr(error, "status_code", None)
    return not (isinstance(status, int) and 400 <= status < 500 and status not in _PASSING_STATUS)


def _fix(error: Exception, words: str, kind: str, key: str) -> str:
    if isinstance(error, said_by.ModelQuotaExceededError):
        return "add credit to your account with the provider, or name another model"
    if isinstance(error, said_by.ModelAuthenticationError) or "api key" in words or "api_key" in words:
        return f"set {key} to a key that the provider knows"
    if isinstance(error, said_by.ModelNotFoundError) or any(mark in words for mark in _NO_MODEL):
        return f"name a model that your provider has: --agent {kind}:MODEL --new"
    if isinstance(error, said_by.ModelContextWindowExceededError):
        return "lower [limits] brief_tokens, or name a model that reads more"
    return "see what the provider says, or name another model"


def _words(error: Exception) -> str:
    """The provider's own words where there are any, after the status."""
    if not isinstance(error, (said_by.AgentRunError, said_by.UserError)):
        return f"its answer cannot be read ({type(error).__name__}: {error})"
    status = getattr(error, "status_code", None)
    before = f"{status}: " if isinstance(status, int) else ""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        message = inner.get("message") if isinstance(inner, Mapping) else inner
        if isinstance(message, str) and message.strip():
            return before + message
    if isinstance(body, str) and body.strip():
        return before + body
    return before + (getattr(error, "message", "") or str(error) or type(error).__name__)
