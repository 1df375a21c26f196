"""The three wire formats of the stand-in provider: a request in common terms, a reply in the format's own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

_numbers = itertools.count(1)


class Message(msgspec.Struct, frozen=True):
    """One message of the conversation, flattened to text."""

    role: str
    text: str


class Say(msgspec.Struct, frozen=True):
    """Answer with text, and end the turn."""

    text: str


class Use(msgspec.Struct, frozen=True):
    """Use one of the client's tools."""

    tool: str
    input: Mapping[str, Any]


Call = Say | Use


class Tokens(NamedTuple):
    """What a request is said to have taken."""

    read: int
    cached: int  #: of those read
    written: int


class Heard(NamedTuple):
    """A request's body in common terms."""

    system: str
    messages: tuple[Message, ...]
    tools: tuple[str, ...]
    results: tuple[str, ...]


class Event(NamedTuple):
    """One server-sent event."""

    name: str | None
    content: str


class Wire(Protocol):
    """One wire format."""

    name: str

    def hear(self, body: Mapping[str, Any]) -> Heard: ...
    def whole(self, body: Mapping[str, Any], reply: Call, tokens: Tokens) -> dict[str, Any]: ...
    def stream(self, body: Mapping[str, Any], reply: Call, tokens: Tokens) -> list[Event]: ...


#: The tools with which clients run a command line: name → its input.
SHELLS: dict[str, Callable[[str], dict[str, Any]]] = {
    "Bash": lambda line: {"command": line, "description": "run it"},
    "exec_command": lambda line: {"cmd": line},
    "shell_command": lambda line: {"command": line},
    "shell": lambda line: {"command": ["sh", "-c", line]},
}


class Messages:
    """Anthropic Messages."""

    name = "messages"

    def hear(self, body: Mapping[str, Any]) -> Heard:
        asked = body.get("messages", [])
        parts = [part for one in asked for part in _parts(one.get("content"))]
        results = [_text(part.get("content")) for part in parts if part.get("type") == "tool_result"]
        messages = [Message(one["role"], _text(one.get("content"))) for one in asked]
        tools = [tool.get("name", "") for tool in body.get("tools", [])]
        return Heard(_text(body.get("system")), tuple(messages), tuple(tools), tuple(results))

    def whole(self, body: Mapping[str, Any], reply: Call, tokens: Tokens) -> dict[str, Any]:
        return {
            "id": f"msg_{next(_numbers)}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model"),
            "content": [self._block(reply)],
            "stop_reason": "end_turn" if isinstance(reply, Say) else "tool_use",
            "stop_sequence": None,
            "usage": {
                "input_tokens": tokens.read - tokens.cached,
                "cache_read_input_tokens": tokens.cached,
                "cache_creation_input_tokens": 0,
                "output_tokens": tokens.written,
            },
        }

    def stream(self, body: Mapping[str, Any], reply: Call, tokens: Tokens) -> list[Event]:
        whole = self.whole(body, reply, tokens)
        block = whole["content"][0]
        if isinstance(reply, Say):
            start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": reply.text}
        else:
            start = block | {"input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(reply.input)}
        begun = whole | {"content": [], "stop_reason": None}
        end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        usage = {"output_tokens": tokens.written}
        return _typed(
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": start},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": end, "usage": usage},
            {"type": "message_stop"},
        )

    @staticmethod
    def _block(reply: Call) -> dict[str, Any]:
        if isinstance(reply, Say):
            return {"type": "text", "text": reply.text}
        return {"type": "tool_use", "id": f"toolu_{next(_numbers)}", "name": reply.tool, "input": reply.input}


class Chat:
    """OpenAI Chat Completions, as most local servers speak it too."""

    name = "chat"

    def hear(self, body: Mapping[str, Any]) -> Heard:
        messages = [Message(one["role"], _text(one.get("content"))) for one in body.get("messages", [])]
        system = [message.text for message in messages if message.role in ("system", "developer")]
        rest = [message for message in messages if message.role not in ("system", "developer")]
        results = [message.text for message in messages if message.role == "tool"]
        tools = [tool["function"]["name"] for tool in body.get("tools", [])]
        return Heard("\n".join(system), tuple(rest), tuple(tools), tuple(results))

    def whole(self, body: Mapping[str, Any], reply: Call, tokens: Tokens) -> dict[str, Any]:
        choice = {"index": 0, "message": self._message(reply), "finish_reason": self._end(reply)}
        head = self._head(body, "chat.completion")
        return {**head, "choices": [choice], "usage": self._usage(tokens)}

    def stream(self, body: Mapping[str, Any], reply: Call, tokens: Tokens) -> list[Event]:
        delta = self._message(reply)
        if "tool_calls" in delta:
            delta["tool_calls"] = [{"index": 0, **delta["tool_calls"][0]}]
        head = self._head(body, "chat.completion.chunk")
        chunks = [
            {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": self._end(reply)}]},
            {**head, "choices": [], "usage": self._usage(tokens)},
        ]
        return [*(Event(None, json.dumps(chunk)) for chunk in chunks), Event(None, "[DONE]")]

    @staticmethod
    def _head(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{next(_numbers)}",
            "object": kind,
            "created": 0,
            "model": body.get("model"),
        }

    @staticmethod
    def _message(reply: Call) -> dict[str, Any]:
        if isinstance(reply, Say):
            return {"role": "assistant", "content": reply.text}
        function = {"name": reply.tool, "arguments": json.dumps(reply.input)}
        call = {"id": f"call_{next(_numbers)}", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}

    @staticmethod
    def _end(reply: Call) -> str:
        return "stop" if isinstance(reply, Say) else "tool_calls"

    @staticmethod
    def _usage(tokens: Tokens) -> dict[str, Any]:
        return {
            "prompt_tokens": tokens.read,
            "prompt_tokens_details": {"cached_tokens": tokens.cached},
            "completion_tokens": tokens.written,
            "total_tokens": tokens.read + tokens.written,
        }


class Responses:
    """OpenAI Responses."""

    name = "responses"

    def hear(self, body: Mapping[str, Any]) -> Heard:
        asked = body.get("input", [])
        items = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
        messages = [
            Message(
                item.get("role") or item.get("type", ""), _text(item.get("content") or item.get("output"))
            )
            for item in items
        ]
        outputs = [item for item in items if str(item.get("type", "")).endswith("_call_output")]
        tools = [tool.get("name") or tool.get("type", "") for tool in body.get("tools", [])]
        results = tuple(_text(item.get("output")) for item in outputs)
        return Heard(_text(body.get("instructions")), tuple(messages), tuple(tools), results)

    def whole(self, body: Mapping[str, Any], reply: Call, tokens: Tokens) -> dict[str, Any]:
        return {
            "id": f"resp_{next(_numbers)}",
            "object": "response",
            "created_at": 0,
            "status": "completed",
            "model": body.get("model"),
            "output": [self._item(reply)],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": tokens.read,
                "input_tokens_details": {"cached_tokens": tokens.cached},
                "output_tokens": tokens.written,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": tokens.read + tokens.written,
            },
        }

    def stream(self, body: Mapping[str, Any], reply: Call, tokens: Tokens) -> list[Event]:
        whole = self.whole(body, reply, tokens)
        begun = whole | {"status": "in_progress", "output": [], "usage": None}
        return _typed(
            {"type": "response.created", "sequence_number": 0, "response": begun},
            {
                "type": "response.output_item.done",
                "sequence_number": 1,
                "output_index": 0,
                "item": whole["output"][0],
            },
            {"type": "response.completed", "sequence_number": 2, "response": whole},
        )

    @staticmethod
    def _item(reply: Call) -> dict[str, Any]:
        number = next(_numbers)
        if isinstance(reply, Use):
            return {
                "type": "function_call",
                "id": f"fc_{number}",
                "call_id": f"call_{number}",
                "name": reply.tool,
                "arguments": json.dumps(reply.input),
                "status": "completed",
            }
        content = {"type": "output_text", "text": reply.text, "annotations": []}
        return {
            "type": "message",
            "id": f"msg_{number}",
            "role": "assistant",
            "status": "completed",
            "content": [content],
        }


#: End of the path → what is spoken there.
WIRES: dict[str, Wire] = {
    "/messages": Messages(),
    "/chat/completions": Chat(),
    "/responses": Responses(),
}


def _typed(*events: dict[str, Any]) -> list[Event]:
    return [Event(event["type"], json.dumps(event)) for event in events]


def _parts(content: Any) -> Iterable[Mapping[str, Any]]:
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _text(content: Any) -> str:
    """Any provider's content as plain text."""
    if isinstance(content, list):
        return "\n".join(_text(part) for part in content)
    if isinstance(content, dict):
        return _text(content.get("text", content.get("content", "")))
    return "" if content is None else str(content)
