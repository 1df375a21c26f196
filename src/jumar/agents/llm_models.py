"""Where models are reached: what `anthropic:MODEL` and its like mean, and whose key they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from jumar.errors import AgentFailed, Usage

if TYPE_CHECKING:  # each provider's library takes seconds to load: only the one that is needed is
    from pydantic_ai.models import Model

OWN_KEY = "JUMAR_API_KEY"  #: the key for a server that is named by its URL, where it wants one
OLLAMA_URL = "http://localhost:11434/v1"
MOST_WRITTEN = 32_000  #: tokens of one reply, thinking included


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A model somewhere, as the user named it."""

    name: str  #: of the agent
    model: str
    url: str = ""  #: of its server, where that is not the provider's own
    keys: tuple[str, ...] = ()  #: variables that may hold its key; the first that is set counts
    needs_key: bool = True
    provider: str = ""  #: in the table of prices; empty: nobody sends a bill that we know of
    open: Callable[[str, str, str], Model]

    @property
    def kind(self) -> str:
        """What the agent's name begins with."""
        return self.name.partition(":")[0]

    @property
    def is_free(self) -> bool:
        """True for servers of one's own: nobody sends bills from where nothing is encrypted."""
        return not self.provider and self.url.startswith("http://")

    @property
    def most_written(self) -> int | None:
        """What a reply is limited to; servers of one's own know better what fits in their context."""
        return None if self.is_free else MOST_WRITTEN

    def key(self, environ: Mapping[str, str]) -> str:
        """The key. Raises AgentFailed where one is needed and none is set."""
        found = next((environ[name] for name in self.keys if environ.get(name, "").strip()), "").strip()
        if self.needs_key and not found:
            raise AgentFailed(
                f"{self.name}: {self.keys[0]} is not set", fix=f"export {self.keys[0]}=… with your key"
            )
        if not (found.isascii() and found.isprintable()):
            raise AgentFailed(
                f"{self.name}: its key has a character in it which no key holds",
                fix=f"export {self.keys[0]}=… once more, without quotes of a letter or line breaks",
            )
        return found

    def model_with(self, key: str) -> Model:
        """A client of its own for whoever asks: it belongs to one event loop."""
        return self.open(self.model, self.url, key)


def service_of(kind: str, detail: str, environ: Mapping[str, str]) -> Service:
    """What `KIND:DETAIL` names. Raises Usage."""
    model, at, url = detail.partition("@http")
    url = f"http{url}".rstrip("/") if at else ""
    if not model:
        raise Usage(f"{kind} needs the name of a model", fix=f"say --agent {kind}:{_EXAMPLES[kind]}")
    if url and kind != "openai":
        raise Usage(
            f"{kind}:{model} cannot be asked of {url}",
            fix=f"say openai:{model}@{url}, if the server speaks OpenAI's Chat Completions",
        )
    if kind == "openai" and "@" in model:
        raise Usage(
            f"{model.partition('@')[2]} is no address: it begins with neither http:// nor https://",
            fix=f"say --agent {kind}:{model.replace('@', '@http://', 1)}",
        )
    if url and ("@" in url or "?" in url):
        raise Usage(
            f"the address for {kind}:{model} has a log-in or a `?` in it, and would be recorded",
            fix=f"export {OWN_KEY}=… with the key, and leave it out of the address",
        )
    service = _SERVICES[kind](f"{kind}:{detail}", model, url, environ)
    if service.url and not _is_address(service.url):
        raise Usage(f"{service.url} is no address of a server", fix="such as http://localhost:8000/v1 is one")
    return service


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond all ports, brackets that do not close
        return False


def _anthropic(name: str, model: str, _: str, environ: Mapping[str, str]) -> Service:
    def open_(model: str, url: str, key: str) -> Model:
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        return AnthropicModel(model, provider=AnthropicProvider(api_key=key, base_url=url or None))

    url = environ.get("ANTHROPIC_BASE_URL", "")
    return Service(
        name=name, model=model, url=url, keys=("ANTHROPIC_API_KEY",), provider="anthropic", open=open_
    )


def _openai(name: str, model: str, url: str, environ: Mapping[str, str]) -> Service:
    if url:
        return _server(name, model, url, (OWN_KEY,))

    def open_(model: str, url: str, key: str) -> Model:
        from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
        from pydantic_ai.providers.openai import OpenAIProvider

        provider = OpenAIProvider(api_key=key, base_url=url or None)
        # OpenAI keeps what a model thought only where Responses are spoken; gateways speak Chat.
        return (OpenAIChatModel if url else OpenAIResponsesModel)(model, provider=provider)

    url = environ.get("OPENAI_BASE_URL", "")
    return Service(name=name, model=model, url=url, keys=("OPENAI_API_KEY",), provider="openai", open=open_)


def _google(name: str, model: str, _: str, environ: Mapping[str, str]) -> Service:
    def open_(model: str, url: str, key: str) -> Model:
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        return GoogleModel(model, provider=GoogleProvider(api_key=key, base_url=url or None))

    url, keys = environ.get("GOOGLE_GEMINI_BASE_URL", ""), ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    return Service(name=name, model=model, url=url, keys=keys, provider="google", open=open_)


def _ollama(name: str, model: str, _: str, environ: Mapping[str, str]) -> Service:
    host = environ.get("OLLAMA_HOST", "").strip()
    if host and "://" not in host:
        host = f"http://{host}"
    url = environ.get("OLLAMA_BASE_URL") or (f"{host.rstrip('/')}/v1" if host else OLLAMA_URL)
    return _server(name, model, url, ("OLLAMA_API_KEY",))


def _server(name: str, model: str, url: str, keys: tuple[str, ...]) -> Service:
    """A server that speaks Chat Completions. A key for OpenAI is none of its business."""

    def open_(model: str, url: str, key: str) -> Model:
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

        provider = OpenAICompatibleProvider("server", base_url=url, api_key=key or "none")
        return OpenAIChatModel(model, provider=provider)

    return Service(name=name, model=model, url=url, keys=keys, needs_key=False, open=open_)


_EXAMPLES = {
    "anthropic": "claude-sonnet-5",
    "openai": "gpt-5",
    "google": "gemini-2.5-pro",
    "ollama": "qwen3",
}
_SERVICES: dict[str, Callable[[str, str, str, Mapping[str, str]], Service]] = {
    "anthropic": _anthropic,
    "openai": _openai,
    "google": _google,
    "ollama": _ollama,
}
