"""Owns the server: its socket, the guard before it, and the pages that the framework serves."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import resources
from ipaddress import ip_address

import msgspec
import uvicorn
from fastapi import FastAPI
from nicegui import ui
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request

from jumar.app import Study
from jumar.errors import TargetUnfit, Usage
from jumar.home import find_home
from jumar.web.desk import Desk
from jumar.web.gate import Gate, kept_key, names_of_this_machine
from jumar.web.guard import Guard
from jumar.web.routes import MAKERS
from jumar.web.shell import THEME_COOKIE, Shell

LOOPBACK = "127.0.0.1"
_RECONNECT_S = 20.0
_LEAVING_S = 2
_PORTS_TRIED = 50
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" '
    'fill="#00563f"/><path d="M6 25V20h7v-6h7V8h6" fill="none" stroke="#4cc9a0" stroke-width="3.5" '
    'stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """How a study is served."""

    host: str = LOOPBACK
    port: int = 7700
    read_only: bool = False
    browser: bool = True


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def serve(study: Study, name: str | None, how: Serving, said: Callable[[str], None]) -> None:
    """Serve until interrupted; `said` is told the address. Raises Usage for a port that is taken."""
    with _bound(how) as place:
        port = place.getsockname()[1]
        gate = Gate(_key(study), port=port, read_only=how.read_only, names=_names(how.host))
        desk = Desk(study.folder, name, read_only=how.read_only)
        app: Guard | GZipMiddleware = Guard(_application(desk), gate)
        if not is_loopback(how.host):
            app = GZipMiddleware(app)
        address = f"http://{_written(how.host)}:{port}/?token="
        said(f"{address}{gate.token}")
        if how.browser:
            webbrowser.open(f"{address}{gate.token_for_once()}")
        logging.getLogger("nicegui").setLevel(logging.ERROR)
        config = uvicorn.Config(
            app, log_level="error", lifespan="on", access_log=False, server_header=False, proxy_headers=False,
            timeout_graceful_shutdown=_LEAVING_S,
        )  # fmt: skip
        with suppress(KeyboardInterrupt):  # the usual way to end it
            uvicorn.Server(config).run(sockets=[place])


def _application(desk: Desk) -> FastAPI:
    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(desk.watch())
        yield
        watching.cancel()
        desk.close()

    async def root(request: Request) -> None:
        await Shell(desk, ui.context.client, request.cookies.get(THEME_COOKIE, "")).draw(MAKERS)

    look = resources.files("jumar.web").joinpath("look.css").read_text(encoding="utf-8")
    ui.add_head_html(f"<style>{look}</style>", shared=True)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=alive)
    ui.run_with(
        app, root=root, title="jumar", favicon=_ICON, dark=None, language="en-US", tailwind=False,
        gzip_middleware_factory=None, show_welcome_message=False, reconnect_timeout=_RECONNECT_S,
        binding_refresh_interval=None,
    )  # fmt: skip
    return app


def _bound(how: Serving) -> socket.socket:
    try:
        return _listening(how.host, how.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Usage(f"port {how.port} is taken", fix=f"jumar web --port {_free_port(how)}") from error
        raise Usage(
            f"{how.host}:{how.port} cannot be served: {error.strerror}",
            fix="name an address of this machine, and a port above 1023",
        ) from error


def _listening(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    place = socket.socket(family, kind, protocol)
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(where)
        place.listen()
    except OSError:
        place.close()
        raise
    return place


def _free_port(how: Serving) -> int:
    for port in range(how.port + 1, min(how.port + _PORTS_TRIED, 65_535)):
        with suppress(OSError), _listening(how.host, port):
            return port
    return 0  # any that is free


def _key(study: Study) -> bytes:
    home = find_home(study.folder, study.name)
    with suppress(TargetUnfit):  # then the key ends with this process
        home.make()
    return kept_key(home.own)


def _names(host: str) -> frozenset[str]:
    return frozenset() if is_loopback(host) else names_of_this_machine() | {host.lower()}


def _written(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
