"""Each request, as it is counted and logged: one line when its answer has gone."""

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

from visus.server.limits import App, Message, Receive, Scope, Send

Form = Literal["text", "json", "off"]
"""How requests are logged."""

_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")  # what a client may call its request


class Counted:
    """Counts each request, gives it an id, and logs it.

    Args:
        app: What answers.
        count: Told which route it took, the status of its answer, and how many seconds it took.
        log: How it is logged.
    """

    def __init__(self, app: App, *, count: Callable[[str, int, float], None], log: Form) -> None:
        self.app, self.count, self.log = app, count, log
        self._logger = _logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, sent = time.perf_counter(), 500, 0
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        name = given if _GIVEN.fullmatch(given) else secrets.token_hex(8).encode()

        async def noted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", name)]}
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            took = time.perf_counter() - started
            self.count(getattr(scope.get("route"), "path", "other"), status, took)
            if self.log != "off":
                self._logger.info(self._line(scope, name.decode(), status, sent, took))

    def _line(self, scope: Scope, name: str, status: int, sent: int, took: float) -> str:
        values: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "id": name,
            "client": (scope.get("client") or ("-",))[0],
            "method": scope["method"],
            "path": scope.get("raw_path", b"").decode("ascii", "replace"),  # percents stay: no line is forged
            "status": status,
            "bytes": sent,
            "ms": round(1000 * took, 1),
        }
        return json.dumps(values) if self.log == "json" else " ".join(map(str, values.values()))


def _logger() -> logging.Logger:
    """What writes the lines, and nothing around them, to the standard error."""
    found = logging.getLogger("visus.access")
    if not found.handlers:
        found.addHandler(logging.StreamHandler(sys.stderr))
        found.setLevel(logging.INFO)
        found.propagate = False
    return found
