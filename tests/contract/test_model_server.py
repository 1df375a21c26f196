"""The stand-in provider, asked over real connections in its three wire formats."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from jumar.testing.model_server import (
    Fault,
    Garble,
    Hang,
    ModelServer,
    Reply,
    Request,
    Reset,
    Say,
    Shell,
    Use,
)

PATHS = {"messages": "/v1/messages", "chat": "/v1/chat/completions", "responses": "/v1/responses"}
ASKED: dict[str, dict[str, Any]] = {
    "messages": {
        "model": "m",
        "system": [{"type": "text", "text": "be brief"}],
        "tools": [{"name": "Bash", "input_schema": {}}],
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "Bash", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "done"}]},
        ],
    },
    "chat": {
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "Bash"}}],
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello"},
            {"role": "tool", "tool_call_id": "1", "content": "done"},
        ],
    },
    "responses": {
        "model": "m",
        "instructions": "be brief",
        "tools": [{"type": "function", "name": "Bash"}],
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
            {"type": "function_call_output", "call_id": "1", "output": "done"},
        ],
    },
}
each_wire = pytest.mark.parametrize("wire", PATHS)


def post(server: ModelServer, wire: str, **more: object) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    try:
        connection.request("POST", PATHS[wire], json.dumps(ASKED[wire] | more), {"X-Key": "k"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def says(reply: Reply) -> ModelServer:
    return ModelServer(lambda _: reply, cached=5)


def events(content: bytes) -> list[Any]:
    lines = [line[6:] for line in content.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@each_wire
def test_a_request_reaches_the_script_in_common_terms(wire: str) -> None:
    heard: list[Request] = []

    def script(request: Request) -> Reply:
        heard.append(request)
        return Say("ok")

    with ModelServer(script) as server:
        post(server, wire)
    (request,) = heard
    assert server.requests == heard
    assert (request.wire, request.model, request.system) == (wire, "m", "be brief")
    assert request.tools == ("Bash",) and request.results == ("done",)
    assert request.messages[0].role == "user" and request.messages[0].text == "hello"
    assert request.headers["x-key"] == "k" and not request.streams


def test_text_comes_whole_in_every_wire_with_its_usage() -> None:
    with says(Say("hi")) as server:
        of = {wire: json.loads(post(server, wire)[2]) for wire in PATHS}
    assert of["messages"]["content"] == [{"type": "text", "text": "hi"}]
    assert of["messages"]["stop_reason"] == "end_turn"
    assert of["messages"]["usage"]["cache_read_input_tokens"] == 5
    assert of["chat"]["choices"][0]["message"]["content"] == "hi"
    assert of["chat"]["usage"]["prompt_tokens_details"]["cached_tokens"] == 5
    assert of["responses"]["output"][0]["content"][0]["text"] == "hi"
    assert of["responses"]["usage"]["total_tokens"] > 5


def test_a_tool_is_used_in_every_wire() -> None:
    with says(Use("look", {"at": 3})) as server:
        of = {wire: json.loads(post(server, wire)[2]) for wire in PATHS}
    assert of["messages"]["content"][0]["input"] == {"at": 3}
    assert of["messages"]["stop_reason"] == "tool_use"
    call = of["chat"]["choices"][0]["message"]["tool_calls"][0]["function"]
    assert (call["name"], json.loads(call["arguments"])) == ("look", {"at": 3})
    assert of["responses"]["output"][0]["type"] == "function_call"
    assert json.loads(of["responses"]["output"][0]["arguments"]) == {"at": 3}


def test_a_stream_says_the_same() -> None:
    with says(Say("hi")) as server:
        of = {wire: post(server, wire, stream=True) for wire in PATHS}
    assert all(headers["content-type"] == "text/event-stream" for _, headers, _ in of.values())
    assert events(of["messages"][2])[2]["delta"]["text"] == "hi"
    assert events(of["chat"][2])[0]["choices"][0]["delta"]["content"] == "hi"
    assert of["chat"][2].endswith(b"data: [DONE]\n\n")
    assert events(of["responses"][2])[-1]["response"]["output"][0]["content"][0]["text"] == "hi"


def test_a_shell_command_goes_to_the_tool_that_the_client_has() -> None:
    with says(Shell("ls")) as server:
        answer = json.loads(post(server, "messages")[2])
        status, _, content = post(server, "messages", tools=[])
    assert answer["content"][0]["name"] == "Bash" and answer["content"][0]["input"]["command"] == "ls"
    assert status == 400 and b"wants a shell" in content


def test_it_turns_down_as_providers_do() -> None:
    with says(Fault(429, "slow down", retry_after_s=2)) as server:
        status, headers, content = post(server, "chat")
    assert (status, headers["retry-after"]) == (429, "2")
    assert json.loads(content)["error"]["message"] == "slow down"


@pytest.mark.parametrize("streams", [False, True])
def test_broken_json_is_broken(streams: bool) -> None:
    with says(Garble()) as server:
        status, _, content = post(server, "messages", stream=streams)
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(content.decode().removeprefix("data: "))


def test_a_reset_is_an_error_of_the_connection() -> None:
    with says(Reset()) as server, pytest.raises(ConnectionError):
        post(server, "messages")


def test_a_hang_ends_with_the_server() -> None:
    begun = time.monotonic()
    server = says(Hang())
    with pytest.raises(OSError), server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=0.3)
        try:
            connection.request("POST", PATHS["chat"], json.dumps(ASKED["chat"]))
            connection.getresponse()
        finally:
            connection.close()
    assert time.monotonic() - begun < 10


def test_five_megabytes_arrive_whole() -> None:
    with says(Say("x" * 5_000_000)) as server:
        answer = json.loads(post(server, "messages")[2])
    assert len(answer["content"][0]["text"]) == 5_000_000


def test_who_asks_for_something_else_is_told() -> None:
    with says(Say("ok")) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
        connection.request("POST", "/v1/embeddings", "{}")
        assert connection.getresponse().status == 404
        connection.close()
