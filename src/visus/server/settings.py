"""How the server behaves."""

import ipaddress
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visus._errors import InputError

MEGABYTE = 1_000_000
_LOCAL = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the server behaves.

    Attributes:
        index: The index that is searched: a folder, or a place on an object store; None for none.
        runs: Folders of runs that answer, or their files; requests call each by the name of its folder.
        host: Address that it binds to.
        port: Port that it binds to.
        token: What requests must bring in the header ``Authorization: Bearer TOKEN``; None for nothing.
        upload: Largest body of a request in bytes.
        pixels: Largest picture that is decoded.
        decoding: Pixels of all pictures that are decoded at the same time, at least twice as many; None for that.
        at_once: Requests that are worked on at the same time; further ones are told to come again.
        line: Requests that may wait for work that takes many cores: explain, fool, and predict but of classifiers.
        connections: Connections at the same time.
        seconds: Longest time that a request may take.
        allow: Origins of other sites whose pages may ask, for example ``https://photos.example``.
        log: One line a request on the standard error: ``"text"``, ``"json"`` or ``"off"``.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        move: Folder that copies may be moved to; None for no moves.
        check: Table of ``visus check`` that is reviewed; None for none.
        checked: Folder that it is about; None for none.
        trainings: Folder of runs whose trainings and studies are shown as they grow; None for none.
    """

    index: str | Path | None = None
    runs: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    upload: int = 32 * MEGABYTE
    pixels: int = 50 * MEGABYTE
    decoding: int | None = None
    at_once: int = 64
    line: int = 4
    connections: int = 1000
    seconds: float = 60.0
    allow: tuple[str, ...] = ()
    log: Literal["text", "json", "off"] = "text"
    device: str = "auto"
    move: Path | None = None
    trainings: Path | None = None
    check: Path | None = None
    checked: Path | None = None

    def __post_init__(self) -> None:
        if self.index is None and not self.runs and self.check is None:
            raise InputError("There is nothing to serve; name an index with --index, or a run with --run.")
        if (self.check is None) != (self.checked is None):
            raise InputError("A review takes both: --check CSV, and --checked with the folder that it is about.")
        if not self.local and not self.token:
            raise InputError(
                f"{self.host} can be reached from other machines; say --token, or leave --host so that it cannot."
            )
        if self.token is not None and (not self.token.isascii() or not self.token.strip()):
            raise InputError("The token must be plain letters and digits, for example from: openssl rand -hex 16")
        counts = (self.upload, self.pixels, self.at_once, self.line, self.connections)
        if min(counts) < 1 or not 0 < self.seconds < math.inf:
            raise InputError("The limits of uploads, pixels, requests, connections and seconds must be above 0.")
        if self.budget < 2 * self.pixels:
            raise InputError(
                f"All pictures together must be allowed twice the {self.pixels / 1e6:g} megapixels of one, or more."
            )
        for origin in self.allow:
            if not re.fullmatch(r"https?://[^/\s,]+", origin):
                raise InputError(
                    f"An origin is a scheme, a host and perhaps a port: https://photos.example, not {origin!r}."
                )

    @property
    def budget(self) -> int:
        """Pixels of all pictures that are decoded at the same time."""
        return 2 * self.pixels if self.decoding is None else self.decoding

    @property
    def address(self) -> str:
        """The host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def names(self) -> tuple[str, ...] | None:
        """What the header ``Host`` may name: this machine, unless other machines reach it too."""
        if not self.local:
            return None
        own = self.address.lower()
        return _LOCAL if own in _LOCAL else (*_LOCAL, own)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
