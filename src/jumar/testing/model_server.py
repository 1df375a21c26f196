"""A model provider on loopback that answers as a script says: for tests of real clients, without a network.

It speaks Anthropic Messages, OpenAI Chat Completions and OpenAI Responses (`model_wires.py`), streaming
and not, and can fail as providers do. It listens on 127.0.0.1 alone and knows no keys.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import msgspec

from jumar.testing.model_wires import SHELLS, WIRES, Call, Event, Message, Say, Tokens, Use, Wire

__all__ = [
    "Call",
    "Fault",
    "Garble",
    "Hang",
    "Message",
    "ModelServer",
    "Raw",
    "Reply",
    "Request",
    "Reset",
    "Say",
    "Shell",
    "Use",
]

_CHARACTERS_PER_TOKEN = 4  # what is counted here only has to be stable


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the script and the log see it, whatever its wire format."""

    number: int  #: counts from 1
    wire: str  #: `messages`, `chat` or `responses`
    model: str
    system: str
    messages: tuple[Message, ...]
    tools: tuple[str, ...]  #: names of the tools that are offered
    results: tuple[str, ...]  #: what the tools said that were used so far, oldest first
    streams: bool
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class Shell(msgspec.Struct, frozen=True):
    """Run a command line with whichever shell tool the client offers."""

    command: str


class Fault(msgspec.Struct, frozen=True):
    """Answer with an HTTP error; `retry_after_s` goes into the header of that name."""

    status: int
    message: str = "a fault by the script"
    retry_after_s: float | None = None


class Reset(msgspec.Struct, frozen=True):
    """Break the connection off without an answer."""


class Garble(msgspec.Struct, frozen=True):
    """Answer with JSON that breaks off in the middle."""


class Raw(msgspec.Struct, frozen=True):
    """Answer with success and this body, whatever the client makes of it."""

    body: str


class Hang(msgspec.Struct, frozen=True):
    """Say nothing for so long, then break off. The end of the server ends it sooner."""

    seconds: float = 600.0


Reply = Say | Use | Shell | Fault | Reset | Garble | Raw | Hang
Script = Callable[[Request], Reply]


class ModelServer:
    """Serves from `with` to its end. `requests` is the log, in the order of arrival.

    The script is called once for each request, by one thread at a time. `cached` is how many of a
    request's tokens are said to have come from a cache.
    """

    def __init__(self, script: Script, *, cached: int = 0) -> None:
        self.requests: list[Request] = []
        self._script, self._cached = script, cached
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._server = _Server(("127.0.0.1", 0), type("Bound", (_Door,), {"owner": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens; OpenAI's clients want `/v1` after it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, wire: Wire, headers: Mapping[str, str], body: Mapping[str, Any]) -> tuple[Reply, Tokens]:
        """What to say to a request, and what it is said to have taken."""
        heard = wire.hear(body)
        with self._lock:
            request = Request(
                number=len(self.requests) + 1,
                wire=wire.name,
                model=str(body.get("model", "")),
                system=heard.system,
                messages=heard.messages,
                tools=heard.tools,
                results=heard.results,
                streams=bool(body.get("stream")),
                headers=headers,
                body=body,
            )
            self.requests.append(request)
            reply = self._script(request)
        if isinstance(reply, Shell):
            reply = _in_shell(reply.command, request.tools)
        said = reply.text if isinstance(reply, Say) else json.dumps(msgspec.to_builtins(reply))
        read = len(json.dumps(body)) // _CHARACTERS_PER_TOKEN
        return reply, Tokens(read, min(self._cached, read), len(said) // _CHARACTERS_PER_TOKEN + 1)

    def sleep(self, seconds: float) -> None:
        """Wait, though not past the end of the server."""
        self._closing.wait(seconds)


def _in_shell(command: str, tools: tuple[str, ...]) -> Reply:
    name = next((tool for tool in tools if tool in SHELLS), None)
    if name is None:
        return Fault(400, f"the script wants a shell, and the client offers only: {', '.join(tools)}")
    return Use(name, SHELLS[name](command))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients under test break connections off; that is theirs to do, and no word is needed."""


class _Door(BaseHTTPRequestHandler):
    """Reads requests and writes what was decided."""

    protocol_version = "HTTP/1.1"
    owner: ModelServer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on standard error."""

    def do_HEAD(self) -> None:
        """Clients ask this way whether anybody is there."""
        self._send(200, b"")

    def do_GET(self) -> None:
        """The list of models, whoever asks."""
        self._send(200, b'{"object": "list", "data": [{"id": "scripted", "object": "model"}]}')

    def do_POST(self) -> None:
        """One request to the model."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0].rstrip("/")
        if path.endswith("/count_tokens"):
            return self._send(200, b'{"input_tokens": %d}' % (len(body) // _CHARACTERS_PER_TOKEN))
        wire = next((wire for end, wire in WIRES.items() if path.endswith(end)), None)
        if wire is None:
            return self._send(404, _fault(f"no such path: {path}"))
        asked = json.loads(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply, tokens = self.owner.answer(wire, headers, asked)
        if isinstance(reply, Say | Use):
            if asked.get("stream"):
                return self._stream(wire.stream(asked, reply, tokens))
            return self._send(200, json.dumps(wire.whole(asked, reply, tokens)).encode())
        return self._fail(reply, streams=bool(asked.get("stream")))

    def _fail(self, reply: Reply, *, streams: bool) -> None:
        if isinstance(reply, Fault):
            wait = {} if reply.retry_after_s is None else {"retry-after": f"{reply.retry_after_s:g}"}
            return self._send(reply.status, _fault(reply.message), **wait)
        if isinstance(reply, Raw):
            return self._send(200, reply.body.encode())
        if isinstance(reply, Garble):
            broken = b'{"id": "broken", "type": "mess'
            return self._stream([Event(None, broken.decode())]) if streams else self._send(200, broken)
        if isinstance(reply, Hang):
            self.owner.sleep(reply.seconds)
        # With nothing lingering a close is a reset, which the client sees as an error and not as an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _stream(self, events: list[Event]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            head = f"event: {event.name}\n" if event.name else ""
            self.wfile.write(f"{head}data: {event.content}\n\n".encode())
        self.close_connection = True


def _fault(message: str) -> bytes:
    # One shape that all three kinds of client read.
    return json.dumps({"type": "error", "error": {"type": "api_error", "message": message}}).encode()
