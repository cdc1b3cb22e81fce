"""What every answer says to browsers, whoever makes it."""

from visus.server.limits import App, Message, Receive, Scope, Send
from visus.server.origins import Origins

_PAGE = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REST = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"  # as browsers show pictures

SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
"""Names and values: nothing is guessed, framed, taken by other sites, or told to them."""

STRICT = (*SAFE, (b"content-security-policy", _REST))
"""The same, and nothing is loaded or run: for all but the page."""


class Headers:
    """Adds to every answer what keeps browsers from using it otherwise than meant.

    Args:
        app: What answers.
        origins: Whose pages may read answers; what browsers ask beforehand is answered here.
    """

    def __init__(self, app: App, *, origins: Origins) -> None:
        self.app, self.origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
        shared = self.origins.headers(origin)
        is_page = scope["path"] in ("/", "/docs")
        own = [*((*SAFE, (b"content-security-policy", _PAGE)) if is_page else STRICT), *shared]

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        if scope["method"] == "OPTIONS" and shared:
            await marked({"type": "http.response.start", "status": 204, "headers": []})
            await marked({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, marked)
