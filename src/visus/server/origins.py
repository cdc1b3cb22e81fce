"""Which requests come from pages of other sites.

A page that is open in a browser can send requests to any server that the browser reaches, one on this machine too.
Browsers say from where: in ``Sec-Fetch-Site``, and in ``Origin`` (Fetch Metadata, W3C; Fetch, WHATWG, section 3.1).
"""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

Headers = list[tuple[bytes, bytes]]

_PAGES = ("/", "/docs")  # a link may lead here from anywhere
_OWN = ("", "none", "same-origin")  # no browser, the user, the server's own page


class Origins:
    """Tells requests of other sites from those of programs and of the server's own page.

    Args:
        allowed: Origins that may ask, for example ``https://photos.example``.
    """

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed

    def refusal(self, scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> str | None:
        """Why a request is refused; None for one that is not.

        Args:
            scope: The request.
            headers: Its headers, with names in lower case.
        """
        origin = headers.get(b"origin", b"").decode("latin-1")
        site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
        if origin and origin in self.allowed:
            return None
        linked = headers.get(b"sec-fetch-mode") == b"navigate" and scope["method"] in ("GET", "HEAD")
        if site not in _OWN and not (linked and scope["path"] in _PAGES):
            return self._sentence(origin)
        if not site and origin and urlsplit_host(origin) != headers.get(b"host", b"").decode("latin-1").lower():
            return self._sentence(origin)
        return None

    def _sentence(self, origin: str) -> str:
        who = origin[:100] if origin and origin != "null" else "ORIGIN"
        return f"Pages of other sites may not ask; start the server with --allow-origin {who} where this one may."

    def headers(self, origin: str) -> Headers:
        """What tells a browser that a page of an allowed origin may read the answer; nothing for others.

        Args:
            origin: Of the request.
        """
        if not origin or origin not in self.allowed:
            return []
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", b"Authorization, Content-Type, Range"),
            (b"access-control-max-age", b"600"),
            (b"vary", b"Origin"),
        ]


def urlsplit_host(origin: str) -> str:
    """Host and port of an origin, as they stand in the header ``Host``; empty for one that is none.

    >>> urlsplit_host("http://localhost:8000"), urlsplit_host("null"), urlsplit_host("http://[")
    ('localhost:8000', '', '')
    """
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
