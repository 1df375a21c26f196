"""Who is let in, and what every answer says: the guard in front of a small application."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jumar.web.gate import Gate
from jumar.web.guard import ELSEWHERE, NO_NAME, NO_TOKEN, WRONG_TOKEN, Guard

KEY = b"k" * 32
OWN = {"host": "127.0.0.1:7700"}


def gate(*, read_only: bool = False) -> Gate:
    return Gate(KEY, port=7700, read_only=read_only, names=frozenset({"lab.example"}))


async def _page(scope: Any, _: Any, send: Any) -> None:
    """Says which headers came through, as a page with a script."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    names = ",".join(sorted(name.decode() for name, _ in scope["headers"]))
    page = f"<html><script>1</script>{names}</html>".encode()
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(page)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": page[:9], "more_body": True})
    await send({"type": "http.response.body", "body": page[9:]})


def ask(
    known: Gate, path: str = "/", *, kind: str = "http", method: str = "GET", **headers: str
) -> tuple[int | str, dict[str, str], str]:
    """Status (or the kind of a websocket's answer), headers and body."""
    sent: list[Any] = []
    path, _, query = path.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": kind, "method": method, "path": path, "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }  # fmt: skip

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    asyncio.run(Guard(_page, known)(scope, receive, send))
    if kind == "websocket":
        return sent[0]["type"], {}, sent[0].get("reason", "")
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(one.get("body", b"") for one in sent[1:]).decode()


def cookie(known: Gate) -> str:
    return f"{known.cookie}={known.pass_value}"


def test_without_a_token_there_is_one_sentence_and_no_page() -> None:
    status, headers, body = ask(gate(), **OWN)
    assert (status, body.strip()) == (403, NO_TOKEN)
    assert "set-cookie" not in headers
    wrong = "/?token=guess"
    assert ask(gate(), wrong, **OWN)[2].strip() == WRONG_TOKEN
    assert ask(gate(), **OWN, cookie="jumar-7700=guess; other=1")[0] == 403
    assert ask(gate(), **OWN, cookie="=;;broken, \x00")[0] == 403


def test_a_token_becomes_a_cookie_and_leaves_the_address() -> None:
    known = gate()
    status, headers, _ = ask(known, f"/experiments?state=kept&token={known.token}", **OWN)
    assert (status, headers["location"]) == (303, "/experiments?state=kept")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(headers["set-cookie"].split("; "))
    assert known.token not in str(headers)
    assert ask(known, **OWN, cookie=cookie(known))[0] == 200
    assert ask(known, f"//evil.example/?token={known.token}", **OWN)[1]["location"] == "/evil.example/"


def test_whatever_stands_in_a_path_is_sent_back_as_a_path() -> None:
    known = gate()
    status, headers, _ = ask(known, f"/x\r\nX-A:b é?token={known.token}", **OWN)
    assert (status, headers["location"]) == (303, "/x%0D%0AX-A%3Ab%20%C3%A9")


def test_a_token_for_once_lets_in_once() -> None:
    known = gate()
    token = known.token_for_once()
    assert ask(known, f"/?token={token}", **OWN)[0] == 303
    assert ask(known, f"/?token={token}", **OWN)[0] == 403


def test_a_cookie_for_reading_opens_no_server_that_takes_orders() -> None:
    reading, steering = gate(read_only=True), gate()
    assert ask(reading, **OWN, cookie=cookie(reading))[0] == 200
    assert ask(steering, **OWN, cookie=cookie(reading))[0] == 403
    assert ask(reading, **OWN, cookie=cookie(steering))[0] == 403


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("localhost:7700", True), ("LocalHost:1", True), ("127.0.0.1", True), ("[::1]:7700", True),
        ("192.168.1.9:7700", True), ("lab.example:7700", True), ("evil.example:7700", False), ("", False),
        ("127.0.0.1.evil.example", False), ("localhost.evil.example:7700", False),
    ],
)  # fmt: skip
def test_a_name_that_somebody_points_here_is_not_answered(host: str, answered: bool) -> None:
    known = gate()
    status, _, body = ask(known, host=host, cookie=cookie(known))
    assert (status == 200) is answered
    assert answered or body.strip() == NO_NAME


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:8888", "null", ""])
def test_what_changes_something_and_the_live_connection_come_from_our_own_page(origin: str) -> None:
    known = gate()
    own = {**OWN, "cookie": cookie(known)}
    other = {**own, **({"origin": origin} if origin else {})}
    assert ask(known, method="POST", **other)[2].strip() == ELSEWHERE
    assert ask(known, kind="websocket", **other)[0] == "websocket.close"
    ours = {**own, "origin": "http://127.0.0.1:7700"}
    assert ask(known, method="POST", **ours)[0] == 200
    assert ask(known, kind="websocket", **ours)[0] == "websocket.accept"
    assert ask(known, kind="websocket", **OWN, origin="http://127.0.0.1:7700")[0] == "websocket.close"


def test_another_site_may_lead_here_but_not_load_from_here() -> None:
    known = gate()
    own = {**OWN, "cookie": cookie(known)}
    assert ask(known, **own, sec_fetch_site="cross-site", sec_fetch_mode="navigate")[0] == 200
    assert ask(known, **own, sec_fetch_site="cross-site", sec_fetch_mode="no-cors")[0] == 403
    assert ask(known, **own, sec_fetch_site="same-site", sec_fetch_mode="no-cors")[0] == 403


def test_every_answer_is_strict_and_scripts_run_by_a_nonce_that_is_never_the_same() -> None:
    known = gate()
    own = {**OWN, "cookie": cookie(known)}
    answers = [ask(known, **own), ask(known, **own), ask(known, **OWN)]
    for _, headers, _ in answers:
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
        assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")
    nonces = [
        headers["content-security-policy"].split("'nonce-")[1].split("'")[0] for _, headers, _ in answers
    ]
    assert len(set(nonces)) == 3
    assert f'<script nonce="{nonces[0]}">' in answers[0][2]
    assert int(answers[0][1]["content-length"]) == len(answers[0][2])


def test_what_a_proxy_would_say_is_not_passed_on() -> None:
    known = gate()
    told = ask(known, **OWN, cookie=cookie(known), x_forwarded_prefix="//evil.example", forwarded="for=1")[2]
    assert "forwarded" not in told
