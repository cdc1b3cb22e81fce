"""How the server behaves."""

import ipaddress
import math
from dataclasses import dataclass
from pathlib import Path

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
        at_once: Requests that are worked on at the same time; further ones are told to come again.
        seconds: Longest time that a request may take.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
    """

    index: str | Path | None = None
    runs: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    upload: int = 32 * MEGABYTE
    pixels: int = 50 * MEGABYTE
    at_once: int = 64
    seconds: float = 60.0
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.index is None and not self.runs:
            raise InputError("There is nothing to serve; name an index with --index, or a run with --run.")
        if not self.local and not self.token:
            raise InputError(
                f"{self.host} can be reached from other machines; say --token, or leave --host so that it cannot."
            )
        if self.token is not None and (not self.token.isascii() or not self.token.strip()):
            raise InputError("The token must be plain letters and digits, for example from: openssl rand -hex 16")
        if min(self.upload, self.pixels, self.at_once) < 1 or not 0 < self.seconds < math.inf:
            raise InputError("The limits of uploads, pixels, requests and seconds must be above 0.")

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
