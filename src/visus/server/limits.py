"""What a request may bring, and who may send one; checked before anything else is done."""

import asyncio
import contextlib
import hmac
import json
import logging
import re
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from visus.server.forms import Ending
from visus.server.origins import Origins
from visus.server.turns import GIVEN_UP, GivenUp

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/health", "/", "/docs", "/openapi.json")
"""What needs no token: whether it lives, its description, and the page, which asks for the token itself."""

HEADER_BYTES = 65_536
"""Most bytes of the headers of a request."""

LONG_HEADERS = f"The headers of a request are larger than {HEADER_BYTES // 1024} kB."

_ONCE = (b"host", b"origin", b"authorization", b"sec-fetch-site")  # headers of which two would mean two things
_PATIENCE = 10.0  # seconds for the next part of a request to come
_GRACE = 5.0  # seconds before the rate of a body counts
_RATE = 20_000  # bytes a second that a body must come with
_ARRIVING = 4  # bodies that may be on their way, for each request that is worked on
_LONGEST = 100  # characters of a path in a sentence

_log = logging.getLogger("visus.server")


class Given(Exception):
    """The request is given up while its body comes.

    Args:
        status: Of the answer.
        sentence: What is wrong.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


@dataclass(slots=True)
class Load:
    """How many requests there are.

    Attributes:
        working: Those that have a place for work.
        arriving: Those whose body is on its way.
    """

    working: int = 0
    arriving: int = 0


class Limits:
    """Refuses what is too large, too much at once, too slow, or not allowed in.

    A request has one of the places for work from the moment that its body has come until its answer begins: slow bodies
    and slow readers hold none. The page and what tells how the server does need none.

    Args:
        app: What answers the others.
        token: See :class:`visus.server.settings.Settings`, as the others.
        upload: Largest body in bytes.
        at_once: Requests at the same time.
        seconds: Longest time.
        names: The only names that may stand in the header ``Host``, so that no page of another site can reach a server
            of this machine by a name that leads here; None for any.
        origins: Tells requests of other sites.
        load: What is counted.
    """

    def __init__(
        self,
        app: App,
        *,
        token: str | None,
        upload: int,
        at_once: int,
        seconds: float,
        names: tuple[str, ...] | None,
        origins: Origins,
        load: Load,
    ) -> None:
        self.app, self.token, self.upload = app, token, upload
        self.at_once, self.seconds, self.names, self.origins = at_once, seconds, names, origins
        self.load = load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {key.lower(): value for key, value in scope["headers"]}
        refusal = _odd(scope["headers"]) or self._who(scope, headers) or self._how_much(scope["path"], headers)
        if refusal:
            await answer(send, *refusal)
            return
        await _Watched(self, scope, receive, send, headers).answered()

    def _who(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """Why whoever asks may not."""
        host = re.fullmatch(r"(\[.*\]|[^:]*)(:\d*)?", headers.get(b"host", b"").decode("latin-1").lower())
        if self.names and (host is None or host[1] not in self.names):
            return 421, f"This server answers to {' and '.join(self.names)} only."
        if strange := self.origins.refusal(scope, headers):
            return 403, strange
        path = scope["path"]
        if self.token and not path.startswith("/static/") and path not in OPEN:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self.token.encode()):
                return 401, "Send the token in the header: Authorization: Bearer TOKEN."
        return None

    def _how_much(self, path: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """Why it is too much."""
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            return 400, "The header Content-Length is no number."
        if int(length) > self.upload:
            return 413, self.too_large()
        if self.load.working >= self.at_once and not _is_free(path):
            return 429, self.too_many()
        if self.load.arriving >= _ARRIVING * self.at_once and _has_body(headers):
            return 429, f"{self.load.arriving} requests are on their way; come again in a moment."
        return None

    def too_large(self) -> str:
        """What a body that is too large is told."""
        return f"The request is larger than {self.upload / 1e6:g} MB; send a smaller picture."

    def too_many(self) -> str:
        """What one request too many is told."""
        return f"{self.at_once} requests are being worked on; come again in a moment."


def _odd(headers: Sequence[tuple[bytes, bytes]]) -> tuple[int, str] | None:
    """Why the headers cannot be taken."""
    if sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES:
        return 431, LONG_HEADERS
    names = [name.lower() for name, _ in headers]
    twice = next((name for name in _ONCE if names.count(name) > 1), None)
    return (400, f"The header {twice.decode().title()} is there several times; send it once.") if twice else None


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return headers.get(b"content-length", b"0").strip(b"0") != b"" or b"transfer-encoding" in headers


def _is_free(path: str) -> bool:
    """Whether a request never waits behind the work of others."""
    return path in OPEN or path == "/metrics" or path.startswith("/static/")


class _Watched:
    """One request on its way: its body comes, it is worked on, its answer goes.

    Args:
        limits: What it must keep to, and what counts it.
        scope: The request.
        receive: Where its body comes from.
        send: Where its answer goes.
        headers: Of the request, with names in lower case.
    """

    def __init__(self, limits: Limits, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes]) -> None:
        self.limits, self.scope, self._receive, self._send = limits, scope, receive, send
        self.has_body = _has_body(headers)
        self._ending = Ending(headers)
        self.begun = False
        self.given: Given | None = None
        self._came = 0
        self._started = time.monotonic()
        self._place = ""  # "arriving" or "working", what it is counted among

    async def answered(self) -> None:
        """Answer it, or tell why not."""
        given_up = threading.Event()
        GIVEN_UP.set(given_up)
        self._move("arriving" if self.has_body else "working")
        task = asyncio.create_task(self._work())
        try:
            done, _ = await asyncio.wait({task}, timeout=self.limits.seconds)
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            given_up.set()
            task.cancel()
            if not self.begun:
                self.given = Given(503, "The server ends; come again in a moment.")
                await answer(self._send, self.given.status, self.given.sentence)
            return
        if self.given:
            await answer(self._send, self.given.status, self.given.sentence)
        elif done:
            task.result()
        else:
            given_up.set()
            if self.begun:
                task.cancel()  # somebody takes the answer too slowly
            else:
                self.given = Given(504, f"The answer took longer than {self.limits.seconds:g} s; ask for less.")
                await answer(self._send, self.given.status, self.given.sentence)

    async def _work(self) -> None:
        """Answer, also what nobody expected; what was given up counts until its thread has ended."""
        try:
            with contextlib.suppress(Given, GivenUp):
                await self.limits.app(self.scope, self.receive, self.send)
        except Exception:
            if self.begun:
                raise
            path = self.scope.get("raw_path", b"").decode("ascii", "replace")[:_LONGEST]  # percents stay
            sentence = f"{path} broke on this request; the log of the server says how."
            _log.exception("%s", sentence)
            await answer(self.send, 500, sentence)
        finally:
            self._move("")

    def _move(self, place: str) -> None:
        """Be counted elsewhere."""
        if _is_free(self.scope["path"]) and place == "working":
            place = ""
        load = self.limits.load
        load.arriving += (place == "arriving") - (self._place == "arriving")
        load.working += (place == "working") - (self._place == "working")
        self._place = place

    async def receive(self) -> Message:
        """The next part of the body."""
        if self._place != "arriving":  # it has come; what is left to come is that the other side goes
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), _PATIENCE)
        except TimeoutError:
            self._give(408, f"The request stopped coming for {_PATIENCE:g} s; send it again.")
        self._came += len(message.get("body", b""))
        if self._came > self.limits.upload:
            self._give(413, self.limits.too_large())
        self._ending.look(message.get("body", b""))
        if message.get("more_body", False):
            if self._came < _RATE * (time.monotonic() - self._started - _GRACE):
                self._give(408, f"The request came with less than {_RATE / 1000:g} kB a second; send it faster.")
        else:
            if self._ending.is_missing and message["type"] == "http.request":
                self._give(400, "The form does not end with its boundary; send it whole.")
            if self.limits.load.working >= self.limits.at_once:
                self._give(429, self.limits.too_many())
            self._move("working")
        return message

    def _give(self, status: int, sentence: str) -> NoReturn:
        self.given = Given(status, sentence)
        raise self.given

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if self.given:  # what the application makes of an interrupted body is of no interest
            return
        if not self.begun:
            self.begun = True
            self._move("")
        await self._send(message)


class Heads:
    """Answers ``HEAD`` as ``GET``, without the content.

    Args:
        app: What answers.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def without(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self.app({**scope, "method": "GET"}, receive, without)
        else:
            await self.app(scope, receive, send)


async def answer(send: Send, status: int, sentence: str) -> None:
    """Send one sentence as JSON."""
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status in (429, 503):
        headers.append((b"retry-after", b"1"))
    if status == 408:  # what is still to come of the body is not waited for
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
