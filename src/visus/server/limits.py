"""What a request may bring, and who may send one; checked before anything else is done."""

import asyncio
import contextlib
import hmac
import json
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from visus.server.turns import GIVEN_UP, GivenUp

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/health", "/", "/docs", "/openapi.json")
"""What needs no token: whether it lives, its description, and the page, which asks for the token itself."""

_PATIENCE = 10.0  # seconds for the next part of a request to come


class TooLarge(Exception):
    """The body of a request is larger than allowed."""


class Stalled(Exception):
    """The body of a request stopped coming."""


class Limits:
    """Refuses what is too large, too much at once, too slow, or not allowed in.

    Args:
        app: What answers the others.
        token: See :class:`visus.server.settings.Settings`, as the others.
        upload: Largest body in bytes.
        at_once: Requests at the same time.
        seconds: Longest time.
        names: The only names that may stand in the header ``Host``, so that no page of another site can reach a server
            of this machine by a name that leads here; None for any.
    """

    def __init__(
        self, app: App, *, token: str | None, upload: int, at_once: int, seconds: float, names: tuple[str, ...] | None
    ) -> None:
        self.app, self.token, self.upload = app, token, upload
        self.at_once, self.seconds, self.names = at_once, seconds, names
        self.working = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {key.lower(): value for key, value in scope["headers"]}
        refusal = self._refusal(scope["path"], headers)
        if refusal:
            await answer(send, *refusal)
            return
        await self._watched(scope, receive, send)

    def _refusal(self, path: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self.names and (host if host.endswith("]") else host.rsplit(":", 1)[0]) not in self.names:
            return 421, f"This server answers to {' and '.join(self.names)} only."
        if self.token and not path.startswith("/static/") and path not in OPEN:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self.token.encode()):
                return 401, "Send the token in the header: Authorization: Bearer TOKEN."
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            return 400, "The header Content-Length is no number."
        if int(length) > self.upload:
            return 413, self._too_large()
        if self.working >= self.at_once and path != "/health":
            return 429, f"{self.at_once} requests are being worked on; come again in a moment."
        return None

    def _too_large(self) -> str:
        return f"The request is larger than {self.upload / 1e6:g} MB; send a smaller picture."

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        came, whole, begun, fate = 0, False, False, ""

        async def counted() -> Message:
            nonlocal came, whole, fate
            try:
                message = await (receive() if whole else asyncio.wait_for(receive(), _PATIENCE))
            except TimeoutError:
                fate = "stalled"
                raise Stalled from None
            came += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if came > self.upload:
                fate = "too large"
                raise TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            if not fate:  # what the application makes of an interrupted body is of no interest
                begun = True
                await send(message)

        given_up = threading.Event()
        GIVEN_UP.set(given_up)
        self.working += 1
        task = asyncio.create_task(self._answer(scope, counted, noted))
        try:
            done, _ = await asyncio.wait({task}, timeout=self.seconds)
        except asyncio.CancelledError:  # the server ends
            given_up.set()
            raise
        if fate == "too large":
            await answer(send, 413, self._too_large())
        elif fate == "stalled":
            await answer(send, 408, f"The request stopped coming for {_PATIENCE:g} s; send it again.")
        elif done:
            task.result()
        else:
            fate = "too late"
            given_up.set()
            if begun:
                task.cancel()  # somebody takes the answer too slowly
            else:
                await answer(send, 504, f"The answer took longer than {self.seconds:g} s; ask for less.")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; what was given up counts until its thread has ended."""
        try:
            with contextlib.suppress(TooLarge, Stalled, GivenUp):
                await self.app(scope, receive, send)
        finally:
            self.working -= 1


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


class Counted:
    """Tells of each request which route it took, the status of its answer, and how many seconds it took.

    Args:
        app: What answers.
        count: Told of each.
    """

    def __init__(self, app: App, count: Callable[[str, int, float], None]) -> None:
        self.app, self.count = app, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.count(route, status, time.perf_counter() - started)


async def answer(send: Send, status: int, sentence: str) -> None:
    """Send one sentence as JSON."""
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
