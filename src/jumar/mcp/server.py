"""Speaks the Model Context Protocol, over stdio or over HTTP on this machine's loopback alone."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from anyio import to_thread
from mcp import types
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server

import jumar
from jumar.errors import JumarError
from jumar.mcp.tools import INSTRUCTIONS, Tools, refusal, told
from jumar.study.probing import TOOLS as PROBES

LOOK_S = 0.25
SLOW = frozenset(tool.name for tool in PROBES)
LOOPBACK = "127.0.0.1"


def make_server(folder: Path, study: str | None) -> Server[Any]:
    """A server for the study of the target in `folder`. What takes long lets others be answered meanwhile."""
    tools = Tools(folder, study)
    one_thread = anyio.CapacityLimiter(1)

    async def on_thread(what: Callable[..., Any], *given: Any) -> Any:
        return await to_thread.run_sync(what, *given, limiter=one_thread)

    async def wait(arguments: dict[str, Any]) -> str:
        waiting = await on_thread(tools.waiting, arguments)
        while (came := await on_thread(waiting.look)) is None:
            await anyio.sleep(LOOK_S)
        return told(came)

    async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
        listed = [
            types.Tool(name=tool.name, description=tool.about, input_schema=dict(tool.arguments))
            for tool in tools.listed
        ]
        return types.ListToolsResult(tools=listed)

    async def call_tool(_: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = asked.arguments or {}
        try:
            if asked.name == "wait":
                words = await wait(arguments)
            elif asked.name in SLOW:
                words = await to_thread.run_sync(tools.probe, asked.name, arguments)
            else:
                words = await on_thread(tools.call, asked.name, arguments)
        except JumarError as error:
            return types.CallToolResult(
                content=[types.TextContent(type="text", text=refusal(error))], is_error=True
            )
        return types.CallToolResult(content=[types.TextContent(type="text", text=words)])

    return Server(
        "jumar",
        version=jumar.__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def serve_stdio(folder: Path, study: str | None) -> None:
    """Serve whoever started this process, until they hang up."""

    async def serve() -> None:
        server = make_server(folder, study)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(serve)


def serve_http(folder: Path, study: str | None, port: int, said: Callable[[str], None]) -> None:
    """Serve programs of this machine, until interrupted; `said` is told the address.

    Requests whose Host or Origin is not the loopback's are refused: a page in a browser cannot reach it.
    """
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((LOOPBACK, port))
        place.listen()  # whoever is told the address may come at once
        app = make_server(folder, study).streamable_http_app(host=LOOPBACK)
        said(f"http://{LOOPBACK}:{place.getsockname()[1]}/mcp")
        config = uvicorn.Config(app, log_level="warning", lifespan="on")
        uvicorn.Server(config).run(sockets=[place])
