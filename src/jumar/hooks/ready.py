"""Programs to call that ship: a notification on the desktop, a webhook, a mail through sendmail."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
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
    """Post it as JSON; `text` says it in words, which is what chat programs show."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Usage("a webhook is an address that begins with https:// or http://", fix="name such a one")
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
        raise EnvironmentUnfit(f"{parts.hostname} answered {error.code}", fix="see what it wants") from error
    except OSError as error:  # the address holds secrets, so it is not told
        why = getattr(error, "reason", error)
        raise EnvironmentUnfit(
            f"{parts.hostname} is not reached: {why}", fix="see that it answers"
        ) from error


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
