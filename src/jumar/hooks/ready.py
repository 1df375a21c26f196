"""Programs to call that ship: a notification on the desktop, a webhook, a mail through sendmail."""

from __future__ import annotations

import html
import http.client
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from jumar.errors import EnvironmentUnfit, Usage
from jumar.rules.plain import plain, short

TIMEOUT_S = 10.0
_SENDMAIL = ("/usr/sbin", "/usr/lib", "/usr/local/sbin")  # where it is, beside PATH
SAMPLE = {"hook": "test", "study": "study", "text": "Jumar can reach you", "reason": "this is a test"}


def read_told(content: bytes) -> Mapping[str, Any]:
    """What a hook is told on its standard input; a sample where that is empty."""
    if not content.strip():
        return SAMPLE
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Usage(
            f"standard input is no JSON of a hook: {error}", fix="leave it empty for a test"
        ) from error


def on_desktop(told: Mapping[str, Any]) -> None:
    """Show a notification where the user's desktop shows them."""
    title, body = f"Jumar: {told.get('study', '')}", str(told.get("text", ""))
    # Most desktops read the body as markup.
    _run(["notify-send", "--app-name=Jumar", "--", short(title, 100), html.escape(short(body, 500))], b"")


def by_webhook(told: Mapping[str, Any], url: str) -> None:
    """Post it as JSON; `text` says it in words, which is what chat programs show.

    `url` is the address, or `@FILE` for a file that holds it: other users of the machine see the words of
    a command line. No error tells it, as it holds a secret.
    """
    url = _address_in(Path(url[1:]).expanduser()) if url.startswith("@") else url
    host = _host_of(url)
    request = urllib.request.Request(
        url,
        data=msgspec.json.encode(told),
        headers={"Content-Type": "application/json", "User-Agent": "Jumar"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            pass
    except urllib.error.HTTPError as error:
        raise EnvironmentUnfit(f"{host} answered {error.code}", fix="see what it wants") from error
    except OSError as error:
        why = getattr(error, "reason", error)
        raise EnvironmentUnfit(f"{host} is not reached: {why}", fix="see that it answers") from error
    except http.client.HTTPException as error:
        words = f"{host} does not speak HTTP ({type(error).__name__})"
        raise EnvironmentUnfit(
            words, fix="see what listens there"
        ) from None  # its words may have the address


def _address_in(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{path} cannot be read: {error}", fix="write the webhook's address there") from error


def _host_of(url: str) -> str:
    """Whom an address names. Raises Usage where nothing can be posted to it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not url.isascii() or not url.isprintable():
        raise Usage("a webhook is an address that begins with https:// or http://", fix="name such a one")
    if " " in url or "@" in parts.netloc:
        raise Usage(
            "the webhook's address has a blank or a user's name in it",
            fix="write a blank as %20; leave the user out",
        )
    return host


def by_mail(told: Mapping[str, Any], address: str) -> None:
    """Hand a mail to sendmail."""
    if address.startswith("-") or not address.isprintable() or any(c in address for c in " ,;<>"):
        raise Usage(f"{plain(address)} is no address", fix="name one: me@example.org")
    message = EmailMessage()
    message["To"] = address
    message["Subject"] = short(f"Jumar: {told.get('text', '')}", 200)
    lines = [f"{plain(str(name))}: {plain(str(said))}" for name, said in told.items()]
    message.set_content("\n".join(lines) + "\n")
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SENDMAIL))
    _run([shutil.which("sendmail", path=path) or "sendmail", "-oi", "-t"], message.as_bytes())


def _run(command: list[str], content: bytes) -> None:
    name = os.path.basename(command[0])
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise EnvironmentUnfit(f"there is no program {name}", fix=f"install {name}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentUnfit(f"{name}: {error}", fix=f"see that {name} works by hand") from error
    if done.returncode:
        said = short(done.stderr.decode("utf-8", "replace"), 200)
        raise EnvironmentUnfit(
            f"{name} ended with {done.returncode}: {said}", fix=f"see that {name} works by hand"
        )
