"""Each request, as it is counted."""

import time
from collections.abc import Callable

from visus.server.limits import App, Message, Receive, Scope, Send


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
