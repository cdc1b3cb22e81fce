"""What a request may bring, and who may send one; checked before anything else is done."""

import asyncio
import contextlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = ("/health", "/", "/docs", "/openapi.json")
"""What needs no token: whether it lives, its description, and the page, which asks for the token itself."""

_LOCAL = ("127.0.0.1", "localhost", "[::1]")


class TooLarge(Exception):
    """The body of a request is larger than allowed."""


class Limits:
    """Refuses what is too large, too much at once, too slow, or not allowed in.

    Args:
        app: What answers the others.
        token: See :class:`visus.server.settings.Settings`, as the others.
        upload: Largest body in bytes.
        at_once: Requests at the same time.
        seconds: Longest time.
        local: Whether only names of this machine may stand in the header ``Host``, so that no page of another site can
            reach the server by a name that leads here.
    """

    def __init__(self, app: App, *, token: str | None, upload: int, at_once: int, seconds: float, local: bool) -> None:
        self.app, self.token, self.upload = app, token, upload
        self.at_once, self.seconds, self.local = at_once, seconds, local
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
        self.working += 1
        try:
            await self._watched(scope, receive, send)
        finally:
            self.working -= 1

    def _refusal(self, path: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self.local and (host if host.endswith("]") else host.rsplit(":", 1)[0]) not in _LOCAL:
            return 421, "This server answers to 127.0.0.1 and localhost only."
        if self.token and not path.startswith("/static/") and path not in OPEN:
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, b"Bearer " + self.token.encode()):
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
        came, begun = 0, False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self.upload:
                raise TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            if came <= self.upload:  # what the application makes of an interrupted body is of no interest
                begun = True
                await send(message)

        with contextlib.suppress(TooLarge, TimeoutError):
            await asyncio.wait_for(self.app(scope, counted, noted), self.seconds)
        if came > self.upload:
            await answer(send, 413, self._too_large())
        elif not begun:
            await answer(send, 504, f"The answer took longer than {self.seconds:g} s; ask for less.")


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
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
