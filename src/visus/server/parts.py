"""Files as they are sent: whole, a part of them, or not at all where the other side has them (RFC 9110, 13 and 14)."""

import re

from fastapi import Request, Response


def sent(request: Request, content: bytes, kind: str, tag: str) -> Response:
    """A file, or what was asked for of it.

    Args:
        request: Perhaps with ``If-None-Match`` or ``Range``.
        content: Of the file.
        kind: Its media type.
        tag: What tells this content from others.
    """
    headers = {"ETag": f'"{tag}"', "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if is_known(request, tag):
        return Response(None, 304, headers=headers)
    asked = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", request.headers.get("range", ""))
    if not asked or asked[0] == "bytes=-" or request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        return Response(content, media_type=kind, headers=headers)
    first, last = _bounds(asked[1], asked[2], len(content))
    if not 0 <= first <= last:
        return Response(None, 416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, media_type=kind, headers=headers)


def is_known(request: Request, tag: str) -> bool:
    """Whether the other side has this content already."""
    given = request.headers.get("if-none-match", "")
    return given == "*" or f'"{tag}"' in re.split(r"\s*,\s*", given)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and the last byte; the last ones of a file where only their number is given."""
    if not first:
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last), size - 1) if last else size - 1
