"""An agent that is a model at a provider: it is asked, asks back, and hands in a draft."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError
from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

from jumar.agents.llm_models import MOST_WRITTEN, Service
from jumar.agents.llm_prices import highest_price, price
from jumar.agents.llm_troubles import trouble
from jumar.core.agent import Brief
from jumar.core.desk import CalledOff, Desk, Reply, Tool, Usage
from jumar.core.proposal import Draft, Proposal
from jumar.errors import AgentFailed, Breach
from jumar.rules.drafts import proposal_from, read_draft
from jumar.rules.tokens import tokens

MOST_REQUESTS = 24  #: of one proposal; the last must bring it
REQUEST_S = 600.0
PROPOSAL_S = 1800.0
#: Before a request is sent again whose provider was busy, broken or out of reach.
WAITS_S = (1.0, 4.0, 15.0, 60.0)
#: The same where nothing listens on this machine: somebody forgot to start it, or starts it just now.
FEW_WAITS = 2
#: A talk that is longer is not gone on with after a refusal: it would be read, and paid for, again.
_MOST_TALK_BYTES = 400_000
_CALLED_OFF_S = 0.25  # between two looks at whether anybody still waits
PROPOSE = "propose"
_WHAT_FOR = "Hand in the proposal. This ends the talk."

_HOW = """\
You are a researcher who improves a program by experiments. The first message is the whole state of the study.

Ask the study's record with the tools what you want to know beyond it; then call `propose` once, with one
idea. Its changes are made one after the other to the files as they are shown: the text to `find` is copied
exactly, blanks included, and stands there exactly once. Keep the changes to what the idea needs. Do not
answer with prose: if you cannot call tools, answer with the arguments of `propose` as one JSON object."""


class Llm:
    """Asks a model, answers its questions from the record, and takes the draft it hands in for a proposal.

    Every reply is kept at the desk before it is read, under its place in the talk: after a crash the
    talk is gone through again with what was kept, and goes on with the first reply that is missing.
    """

    repeats = False
    strands = 8  # requests at once, which every provider takes

    def __init__(
        self,
        service: Service,
        environ: Mapping[str, str],
        *,
        waits_s: tuple[float, ...] = WAITS_S,
        request_s: float = REQUEST_S,
        proposal_s: float = PROPOSAL_S,
    ) -> None:
        self.name = service.name
        self._service, self._key = service, service.key(environ)
        self._waits_s, self._request_s, self._proposal_s = waits_s, request_s, proposal_s
        self._is_noticed = False  # that nobody can be reached
        self._latest: dict[int, _Talk] = {}  # by strand: goes on after a refusal

    def research(self, brief: Brief, desk: Desk) -> Proposal:
        """One idea. What was paid for before a crash is not asked again."""
        return asyncio.run(self._unless_called_off(self._bounded(brief, desk), desk))

    async def _unless_called_off(self, work: Coroutine[Any, Any, Proposal], desk: Desk) -> Proposal:
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.wait({task}, timeout=_CALLED_OFF_S)
            if desk.called_off.is_set() and not task.done():
                task.cancel()
                await asyncio.wait({task})
                raise CalledOff
        return task.result()

    async def _bounded(self, brief: Brief, desk: Desk) -> Proposal:
        try:
            async with asyncio.timeout(self._proposal_s), self._service.model_with(self._key) as model:
                return await self._think(model, brief, desk)
        except TimeoutError:
            raise AgentFailed(
                f"{self.name}: no proposal after {self._proposal_s:g} s",
                fix="start again, or name a quicker model",
                passing=True,
            ) from None

    async def _think(self, model: Model, brief: Brief, desk: Desk) -> Proposal:
        talk = self._talk(brief, desk)
        for place in range(MOST_REQUESTS):
            offered = _offered(desk.tools, last=place == MOST_REQUESTS - 1)
            response = await self._reply(
                model, _Asked(f"{talk.question}-{place}", talk.messages, offered), desk
            )
            talk.messages.append(response)
            if (said := _handed_in(response)) is not None:
                self._latest[brief.strand] = talk
                return self._proposal(said, response, brief)
            talk.messages.append(_request([_answer(call, desk) for call in response.tool_calls]))
        raise Breach(
            f"{MOST_REQUESTS} requests, and no proposal among them", fix="call `propose`", code="unreadable"
        )

    def _talk(self, brief: Brief, desk: Desk) -> _Talk:
        """The talk that was refused, with why; or a new one that begins with the brief."""
        question, latest = _identity(brief, brief.refusals), self._latest.pop(brief.strand, None)
        if not (brief.refusals and latest and latest.question == _identity(brief, brief.refusals[:-1])):
            return _Talk(question, [_request([UserPromptPart(desk.text)])])
        refusal = f"Refused: {brief.refusals[-1]}. Mend that, and propose again."
        (*_, response) = latest.messages
        assert isinstance(response, ModelResponse)
        parts: list[ModelRequestPart] = [_returned(call, refusal) for call in response.tool_calls]
        messages = [*latest.messages, _request(parts or [UserPromptPart(refusal)])]
        if len(_encoded(messages)) > _MOST_TALK_BYTES:
            return _Talk(question, [_request([UserPromptPart(desk.text)])])
        return _Talk(question, messages)

    async def _reply(self, model: Model, asked: _Asked, desk: Desk) -> ModelResponse:
        if (kept := self._found(desk, asked.request)) is not None:
            return kept
        most = self._most(asked)
        with desk.set_aside(most):
            begun = time.monotonic()
            response = await self._ask_patiently(model, asked, desk)
            usage = self._usage(response, most, time.monotonic() - begun)
            reply = Reply(agent=self.name, request=asked.request, content=_encoded([response]), usage=usage)
            desk.keep(reply)
        return response

    def _found(self, desk: Desk, request: str) -> ModelResponse | None:
        """What the same request was answered before."""
        for reply in desk.replies:
            if (reply.agent, reply.request) == (self.name, request):
                try:
                    (response,) = ModelMessagesTypeAdapter.validate_json(reply.content)
                except ValidationError:  # another version's: it has to be asked again
                    return None
                assert isinstance(response, ModelResponse)
                return response
        return None

    async def _ask_patiently(self, model: Model, asked: _Asked, desk: Desk) -> ModelResponse:
        """Ask again where the provider is what failed, and that may pass; not sooner than it allows."""
        for place, wait_s in enumerate((*self._waits_s, None)):
            try:
                response = await self._ask(model, asked)
            except Exception as error:  # noqa: BLE001 - of answers like no other the clients raise anything
                service = self._service
                found = trouble(error, service.kind, service.keys[0], self._key, model.base_url or "")
            else:
                self._is_noticed = False
                return response
            if wait_s is None or not found.passing or (found.not_started and place == FEW_WAITS):
                break
            if found.wait_s > self._proposal_s:
                minutes = math.ceil(found.wait_s / 60)
                raise AgentFailed(f"{self.name}: {found.words}", fix=f"start again in {minutes} minutes")
            if found.unreachable and not self._is_noticed:
                self._is_noticed = True
                desk.notice(f"{self.name}: {found.words}; it is tried again ({found.fix})")
            await asyncio.sleep(max(wait_s, found.wait_s))
        raise AgentFailed(f"{self.name}: {found.words}", fix=found.fix, passing=found.passing)

    async def _ask(self, model: Model, asked: _Asked) -> ModelResponse:
        settings = ModelSettings(
            max_retries=0,  # they are made, counted and bounded here
            timeout=self._request_s,
            request_timeout=self._request_s,
            cache=True,  # a talk is sent again with each of its requests
        )
        if most := self._service.most_written:
            settings["max_tokens"] = most
        response = await model_request(
            model, asked.messages, model_settings=settings, model_request_parameters=asked.offered
        )
        return _readable(response)

    def _most(self, asked: _Asked) -> Usage:
        """What a request may take at most: its bytes as tokens, and as much written as is allowed."""
        read = tokens((_encoded(asked.messages) + _schemas(asked.offered)).decode())
        written = self._service.most_written or MOST_WRITTEN
        usd = highest_price(self._service.provider, self._service.model, read=read, written=written)
        return self._billed(Usage(model=self.name, tokens_in=read, tokens_out=written), usd)

    def _usage(self, response: ModelResponse, most: Usage, seconds: float) -> Usage:
        took = response.usage
        if not (took.input_tokens or took.output_tokens):  # it does not say, and limits have to bound it
            written = tokens(_encoded([response]).decode())
            took = RequestUsage(input_tokens=most.tokens_in, output_tokens=written)
        return self._billed(
            Usage(
                model=self._service.model,
                tokens_in=took.input_tokens,
                tokens_cached=took.cache_read_tokens,
                tokens_out=took.output_tokens,
                seconds=seconds,
            ),
            price(self._service.provider, self._service.model, took),
        )

    def _billed(self, usage: Usage, usd: float | None) -> Usage:
        if self._service.is_free:
            return usage
        return replace(usage, usd=usd or 0.0, priced=usd is not None)

    def _proposal(self, said: str, response: ModelResponse, brief: Brief) -> Proposal:
        try:
            draft = read_draft(said)
        except Breach as breach:
            if response.finish_reason != "length":
                raise
            raise Breach(
                "the answer was cut off, as it was longer than a reply may be",
                fix="replace text in files instead of writing them whole, and change less at once",
                code="unreadable",
            ) from breach
        return proposal_from(draft, brief.files, self.name)


class _Talk(NamedTuple):
    """What was said so far of one proposal, and what it is about."""

    question: str
    messages: list[ModelMessage]


class _Asked(NamedTuple):
    """One request: the identity it is kept by, what was said before, and what the model may use."""

    request: str
    messages: list[ModelMessage]
    offered: ModelRequestParameters


def _request(parts: Sequence[ModelRequestPart]) -> ModelRequest:
    return ModelRequest(parts=parts, instructions=_HOW)


def _offered(tools: Iterable[Tool], *, last: bool) -> ModelRequestParameters:
    """The archive's tools and the one that ends the talk; for a last request that one alone."""
    questions = [] if last else [_tool(tool.name, tool.about, tool.arguments) for tool in tools]
    return ModelRequestParameters(
        function_tools=questions,
        output_mode="tool",
        output_tools=[_tool(PROPOSE, _WHAT_FOR, _draft_schema())],
        allow_text_output=not last,
    )


def _tool(name: str, about: str, arguments: Mapping[str, Any]) -> ToolDefinition:
    schema = {"type": "object", "properties": {}, **arguments}
    return ToolDefinition(name=name, description=about, parameters_json_schema=schema, strict=False)


def _draft_schema() -> dict[str, Any]:
    _, parts = msgspec.json.schema_components((Draft,), ref_template="#/$defs/{name}")
    draft = parts.pop("Draft")
    # `kind` tells changes apart; the keyword that says so is OpenAPI's, and some providers refuse it.
    del draft["properties"]["changes"]["items"]["discriminator"]
    return {**draft, "$defs": parts}


def _handed_in(response: ModelResponse) -> str | None:
    """The draft as it was written: the arguments of `propose`, or else a text without any question."""
    for call in response.tool_calls:
        if call.tool_name == PROPOSE:
            return _arguments(call)
    return None if response.tool_calls else response.text or ""


def _answer(call: ToolCallPart, desk: Desk) -> ToolReturnPart:
    try:
        arguments = msgspec.json.decode(_arguments(call) or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return _returned(call, "The arguments have to be one JSON object.")
    return _returned(call, desk.ask(call.tool_name, arguments))


def _schemas(offered: ModelRequestParameters) -> bytes:
    tools = (*offered.function_tools, *offered.output_tools)
    return msgspec.json.encode([(tool.name, tool.description, tool.parameters_json_schema) for tool in tools])


def _arguments(call: ToolCallPart) -> str:
    # As the model wrote them: whoever wrote broken JSON is told what is wrong with it.
    return call.args if isinstance(call.args, str) else msgspec.json.encode(call.args or {}).decode()


def _returned(call: ToolCallPart, content: str) -> ToolReturnPart:
    return ToolReturnPart(tool_name=call.tool_name, content=content, tool_call_id=call.tool_call_id)


def _readable(response: ModelResponse) -> ModelResponse:
    """The response as it can be written down and read again: JSON can say half a character, text cannot."""
    whole = ModelMessagesTypeAdapter.dump_python([response], mode="json")
    text = json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace")
    (readable,) = ModelMessagesTypeAdapter.validate_json(text)
    assert isinstance(readable, ModelResponse)
    return readable


def _encoded(messages: list[ModelMessage] | list[ModelResponse]) -> bytes:
    return ModelMessagesTypeAdapter.dump_json(list(messages))


def _identity(brief: Brief, refusals: tuple[str, ...]) -> str:
    """What tells one question from another, of those since the agent's latest experiment."""
    asked = (brief.study, brief.parent, refusals)
    return sha256(msgspec.json.encode(asked)).hexdigest()
