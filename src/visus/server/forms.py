"""Whether a form has come whole: one that is cut must not be answered as if what is missing had not been sent."""

import logging
from collections.abc import Mapping

from python_multipart.multipart import parse_options_header

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # what it warns of, the answer says

_LOOKED_AT = 4096  # bytes at the end of a body in which the end of its form must stand


class Ending:
    """Looks for the end of a form whose body comes in parts (RFC 2046, section 5.1.1).

    Args:
        headers: Of the request, with names in lower case.
    """

    def __init__(self, headers: Mapping[bytes, bytes]) -> None:
        kind, options = parse_options_header(headers.get(b"content-type"))
        boundary = options.get(b"boundary", b"") if kind == b"multipart/form-data" else b""
        self._end = b"--" + boundary + b"--" if boundary else b""
        self._last = b""

    def look(self, part: bytes) -> None:
        """See the next part of the body."""
        if self._end:
            self._last = (self._last + part)[-_LOOKED_AT - len(self._end) :]

    @property
    def is_missing(self) -> bool:
        """Whether the body is a form and has no end yet."""
        return self._end not in self._last
