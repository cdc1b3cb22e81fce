"""Files as they are sent: whole, a part of them, or not at all where the other side has them (RFC 9110, 13 and 14)."""

import re
from collections.abc import Callable

from fastapi import Request, Response
from fastapi.responses import JSONResponse

Read = Callable[[int, int], bytes]
"""Bytes from the first to the last, both included."""


def sent(request: Request, size: int, read: Read, kind: str, tag: str) -> Response:
    """A file, or what was asked for of it.

    Args:
        request: Perhaps with ``If-None-Match`` or ``Range``.
        size: Of the file, in bytes.
        read: Gives its content.
        kind: Its media type.
        tag: What tells this content from others.
    """
    headers = headers_of(tag)
    if is_known(request, tag):
        return Response(None, 304, headers=headers)
    bounds = wanted(request, size, tag)
    if bounds is None:
        return Response(read(0, size - 1), media_type=kind, headers=headers)
    first, last = bounds
    if not 0 <= first <= last:
        sentence = f"The file has {size} bytes, and no such part."
        return JSONResponse({"error": sentence}, 416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(read(first, last), 206, media_type=kind, headers=headers)


def headers_of(tag: str) -> dict[str, str]:
    """What an answer with a file says of it."""
    return {"ETag": f'"{tag}"', "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}


def wanted(request: Request, size: int, tag: str) -> tuple[int, int] | None:
    """The first and the last byte that a request is about, which may lie outside of the file; None for all of it."""
    asked = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", request.headers.get("range", ""))
    if not asked or asked[0] == "bytes=-" or request.headers.get("if-range", f'"{tag}"') != f'"{tag}"':
        return None
    return _bounds(asked[1], asked[2], size)


def is_known(request: Request, tag: str) -> bool:
    """Whether the other side has this content already."""
    given = request.headers.get("if-none-match", "")
    return given == "*" or f'"{tag}"' in (own.strip() for own in given.split(","))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and the last byte; the last ones of a file where only their number is given."""
    if not first:
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last), size - 1) if last else size - 1
