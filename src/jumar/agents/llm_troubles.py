"""What went wrong with a request to a model: whether waiting helps, and else what the user can do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from socket import gaierror
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

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
    unreachable: bool = False  #: nothing was sent: there is nobody at the address
    not_started: bool = False  #: of a server on this machine, where it is a matter of seconds to know


def trouble(error: Exception, kind: str, key: str, secret: str, address: str) -> Trouble:
    """Of a request by an agent of this kind to `address`.

    Its `secret` stands in the variable `key` and is not told.
    """
    if (why := _unreachable(error)) is not None:
        return _nobody_at(address, why, kind)
    words = " ".join(_words(error).split())
    if secret:
        words = words.replace(secret, "[secret]")
    words = words[:_MOST_WORDS]
    if _is_passing(error):
        wait_s = error.retry_after or 0.0 if isinstance(error, said_by.ModelAPIError) else 0.0
        return Trouble(words=words, fix="wait, and start again", passing=True, wait_s=max(0.0, wait_s))
    return Trouble(words=words, fix=_fix(error, words.lower(), kind, key), passing=False)


def _unreachable(error: BaseException | None) -> OSError | None:
    """Why no connection came about; None where one did."""
    connecting, deepest = False, OSError()
    while error is not None:  # each client wraps those of the ones below it, and all name them alike
        connecting = connecting or type(error).__name__ in ("ConnectError", "ConnectTimeout")
        deepest = error if isinstance(error, OSError) and error.errno else deepest
        error = error.__cause__ or error.__context__
    return deepest if connecting else None


def _nobody_at(address: str, why: OSError, kind: str) -> Trouble:
    host = urlsplit(address).hostname or ""
    said = os.strerror(why.errno).lower() if why.errno else "no answer"
    if isinstance(why, gaierror):
        said = "its name is not known"
    if between := _proxy(address):
        proxy, name = between
        return Trouble(
            words=f"the proxy {proxy} ({name}) on the way to {address.rstrip('/')} does not answer ({said})",
            fix=f"mend the proxy or its setting, or go around it: NO_PROXY={host}",
            passing=True,
            unreachable=True,
        )
    refused = isinstance(why, ConnectionRefusedError)
    here = refused and (host == "localhost" or host.startswith("127.") or host == "::1")
    fix = f"see that this machine reaches {host}: network, proxy, spelling"
    if here:
        start = "start it (`ollama serve`)" if kind == "ollama" else "start the server"
        fix = f"{start}, or name the address where it listens"
    return Trouble(
        words=f"nothing answers at {address.rstrip('/')} ({said})",
        fix=fix,
        passing=True,
        unreachable=True,
        not_started=here,
    )


def _proxy(address: str) -> tuple[str, str] | None:
    """The proxy that clients ask for this address, without its password, and the variable that names it."""
    parts, proxies = urlsplit(address), getproxies()
    kind = next((kind for kind in (parts.scheme, "all") if proxies.get(kind)), None)
    if kind is None or proxy_bypass(parts.hostname or ""):
        return None
    names = (name for name in os.environ if name.lower() == f"{kind}_proxy")
    name = max(names, default="the system's settings")  # of two, the one in small letters counts
    before, _, place = proxies[kind].rpartition("@")
    scheme = f"{before.partition('://')[0]}://" if "://" in before else ""
    return f"{scheme}{place}", name


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
