"""Owns what passes between a browser and the pages: who is refused, and the headers of every answer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jumar.web.gate import Gate

TOKEN = "token"
KEPT_DAYS = 30
_READING = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"", "same-origin", "none"})
_FROM_A_PROXY = (b"x-forwarded-", b"forwarded")  # nobody stands before us whom we would believe these

NO_NAME = "Jumar does not answer to that name. Open the address that `jumar web` printed."
NO_TOKEN = "Jumar lets nobody in without a token. Open the address that `jumar web` printed, token included."
WRONG_TOKEN = "That token is not one of this server. Open the address that `jumar web` printed last."
ELSEWHERE = "Jumar takes this from its own pages alone, and it came from elsewhere."

_HEADERS = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def policy(nonce: str) -> str:
    """What a page may load and run: our own files, and the framework's own scripts.

    Vue makes its templates into functions, so `unsafe-eval` has to stay; scripts that a page contains
    run by the nonce alone, and handlers in attributes not at all.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


class Guard:
    """Stands before the application: nothing reaches that without a name, a token and an origin of ours."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or pass on."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        dressed = _Dressed(send)
        if not self._gate.answers_to(headers.get("host", "")):
            return await _refuse(scope, dressed, NO_NAME)
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if scope["type"] == "http" and TOKEN in asked:
            return await self._let_in(scope, dressed, asked)
        if not self._gate.knows(_cookies(headers).get(self._gate.cookie, "")):
            return await _refuse(scope, dressed, NO_TOKEN)
        if not _is_ours(scope, headers):
            return await _refuse(scope, dressed, ELSEWHERE)
        kept = [pair for pair in scope["headers"] if not pair[0].startswith(_FROM_A_PROXY)]
        await self._app({**scope, "headers": kept}, receive, dressed)

    async def _let_in(self, scope: Scope, send: Send, asked: dict[str, str]) -> None:
        """A token becomes a cookie, and leaves the address bar."""
        if not self._gate.lets_in(asked.pop(TOKEN)):
            return await _refuse(scope, send, WRONG_TOKEN)
        where = "/" + quote(scope["path"].lstrip("/\\"))  # never `//elsewhere`, and one line of a header
        location = where + (f"?{urlencode(asked)}" if asked else "")
        cookie = (
            f"{self._gate.cookie}={self._gate.pass_value}; Path=/; HttpOnly; SameSite=Strict; "
            f"Max-Age={KEPT_DAYS * 86_400}"
        )
        await _answer(send, 303, "", {"location": location, "set-cookie": cookie})


def _is_ours(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether our own page asks. What only reads may come from an address bar as well."""
    site, mode = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-mode", "")
    if scope["type"] == "http" and scope["method"] in _READING and "origin" not in headers:
        return site in _OWN_SITE or mode == "navigate"
    return urlsplit(headers.get("origin", "")).netloc == headers["host"]


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    try:
        return {name: one.value for name, one in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


class _Dressed:
    """Puts our headers on every answer, and a nonce on the scripts of every page."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Pass a message on; a page's waits until it is whole."""
        if message["type"] == "http.response.start":
            return await self._begin(message)
        if message["type"] != "http.response.body" or self._start is None:
            return await self._send(message)
        self._body.append(message.get("body", b""))
        if not message.get("more_body"):
            await self._send_page(self._start)

    async def _begin(self, message: Message) -> None:
        own = {**_HEADERS, "content-security-policy": policy(self._nonce)}
        kept = [pair for pair in message.get("headers", ()) if pair[0].decode("latin-1") not in own]
        headers = [*kept, *((name.encode(), value.encode()) for name, value in own.items())]
        if dict(headers).get(b"content-type", b"").startswith(b"text/html"):
            self._start = {**message, "headers": headers}
        else:
            await self._send({**message, "headers": headers})

    async def _send_page(self, start: Message) -> None:
        # The framework writes every `<` of what it was given as an entity: each tag here is its own.
        page = b"".join(self._body).replace(b"<script", f'<script nonce="{self._nonce}"'.encode())
        headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        headers.append((b"content-length", str(len(page)).encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": page})
        self._start = None


async def _refuse(scope: Scope, send: Send, sentence: str) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008, "reason": sentence[:100]})
    await _answer(send, 403, sentence)


async def _answer(send: Send, status: int, sentence: str, headers: Mapping[str, Any] | None = None) -> None:
    content = f"{sentence}\n".encode() if sentence else b""
    told = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(content)),
        "cache-control": "no-store",
        **(headers or {}),
    }
    pairs = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": content})
