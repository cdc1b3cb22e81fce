"""All that was found out about an installation.

Nothing that may be broken is imported here: the measurement and the search for weights are processes of their own.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from visus._errors import InputError
from visus._version import __version__
from visus.doctor.advice import advice
from visus.doctor.machine import Machine, machine
from visus.doctor.packages import LIGHT, Extra, extras
from visus.doctor.parts import BrokenError, Part, asked, parts

SECONDS = 10.0
"""Of the measurement."""

_PATIENCE = 120.0  # seconds for what comes before a measurement


@dataclass(frozen=True, slots=True)
class Held:
    """Weights of one network.

    Attributes:
        net: Its name.
        here: Whether they are on this machine.
        told: How they can be had where they are not; of a network that knows any words, how it did when it was tried.
    """

    net: str
    here: bool
    told: str


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the machine is.

    Attributes:
        runtime: What describes the pictures.
        decode: JPEGs of 12 megapixels that are decoded in a second, at the scale that the network needs.
        describe: Pictures that the default network describes in a second.
        compare: Milliseconds in which a query is compared with the codes of 100,000 pictures.
    """

    runtime: str
    decode: float
    describe: float
    compare: float

    @property
    def index(self) -> float:
        """Photographs of 12 megapixels that are indexed in a second, about."""
        return 1 / (1 / self.decode + 1 / self.describe)


@dataclass(frozen=True, slots=True, repr=False)
class Findings:
    """How an installation is.

    Attributes:
        machine: What there is to compute with.
        extras: What is installed; the first is what every installation has.
        parts: What makes visus fast, by its key.
        weights: Trained weights, and whether they are here; a sentence where that cannot be told.
        speed: How fast it is; a sentence where that cannot be measured, None where it was not.
        advice: What would make it better, the most important first.
    """

    machine: Machine
    extras: list[Extra]
    parts: dict[str, Part]
    weights: list[Held] | str
    speed: Speed | str | None
    advice: list[str]

    def __repr__(self) -> str:
        return f"Findings({len(self.advice)} sentences of advice)"

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values for JSON."""
        speed = asdict(self.speed) | {"index": self.speed.index} if isinstance(self.speed, Speed) else self.speed
        weights = self.weights if isinstance(self.weights, str) else [asdict(own) for own in self.weights]
        return {
            "version": __version__,
            "machine": asdict(self.machine),
            "extras": [asdict(own) | {"state": own.state, "install": own.install} for own in self.extras],
            "parts": {key: asdict(own) for key, own in self.parts.items()},
            "weights": weights,
            "speed": speed,
            "advice": self.advice,
        }

    def __str__(self) -> str:
        return "\n".join(
            [
                *_machine(self.machine),
                *_section("Installed", [(_name(own), _installed(own)) for own in self.extras]),
                *_section("What makes it fast", [(own.name, _part(own)) for own in self.parts.values()]),
                *_section("Weights", _weights(self.weights)),
                *_section("Speed", _speed(self.speed)),
                "",
                *(
                    ["Advice", *(f"  - {sentence}" for sentence in self.advice)]
                    if self.advice
                    else ["Nothing to mend."]
                ),
            ]
        )


def examine(seconds: float = SECONDS, say: Callable[[str], None] | None = None) -> Findings:
    """Look at this installation; what is broken is said, and stops nothing.

    Args:
        seconds: Of the measurement; 0 leaves it out.
        say: Told what is being done.

    Raises:
        InputError: The seconds are below 0 or no number.
    """
    if not 0 <= seconds < float("inf"):
        raise InputError(f"The seconds of the measurement must be 0 or more, not {seconds}.")
    tell = say or (lambda _: None)
    tell("Looking at what is installed ...")
    here, installed, tried = machine(), extras(), parts()
    tell("Looking for weights ...")
    held = _held()
    if seconds:
        tell(f"Measuring for {seconds:g} s ...")
    return Findings(here, installed, tried, held, _measured(seconds), advice(here, installed, tried))


def _held() -> list[Held] | str:
    try:
        return [Held(**own) for own in asked("visus.doctor.weights", seconds=_PATIENCE)]
    except BrokenError as error:
        return f"cannot be looked for: the search {error}"


def _measured(seconds: float) -> Speed | str | None:
    if not seconds:
        return None
    try:
        return Speed(**asked("visus.doctor.speed", str(seconds), seconds=_PATIENCE + 3 * seconds))
    except BrokenError as error:
        return f"cannot be measured: the measurement {error}"


# As a text --------------------------------------------------------------------------------------------------------


def _machine(own: Machine) -> list[str]:
    memory = "" if own.memory is None else f", {own.memory / 1e9:.1f} GB of memory"
    cores = f"{own.cores} of {own.all_cores} cores" if own.cores < own.all_cores else f"{own.cores} cores"
    wide = f", {', '.join(own.instructions)}" if own.instructions else ""
    cards = [f"Graphics: {', '.join(own.cards)}"] if own.cards else []
    return [
        f"visus {__version__}, Python {own.python}, {own.system}",
        f"{own.processor or 'processor'}: {cores}{memory}{wide}",
        *cards,
    ]


def _section(title: str, rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return ["", title, *(f"  {name.ljust(width)}  {told}" for name, told in rows)] if rows else []


def _name(extra: Extra) -> str:
    return "search" if extra.name == LIGHT else extra.name


def _installed(extra: Extra) -> str:
    if extra.state == "none":
        return f"no: {extra.install}"
    if extra.state == "whole":
        return "yes"
    return "in part: " + ", ".join(f"{own.name} is {own.problem}" for own in extra.packages if own.problem)


def _part(part: Part) -> str:
    return {"runs": "", "missing": "no: ", "broken": "BROKEN: "}[part.state] + part.told


def _weights(found: list[Held] | str) -> list[tuple[str, str]]:
    if isinstance(found, str):
        return [("", found)]
    return [(own.net, ": ".join(part for part in ("yes" if own.here else "no", own.told) if part)) for own in found]


def _speed(found: Speed | str | None) -> list[tuple[str, str]]:
    if not isinstance(found, Speed):
        return [("", found)] if found else []
    return [
        ("decode", f"{found.decode:.0f} JPEGs of 12 megapixels a second"),
        ("describe", f"{found.describe:.0f} pictures a second, by {found.runtime}"),
        ("index", f"{found.index:.0f} photographs a second, so 10,000 take about {_minutes(10_000 / found.index)}"),
        ("search", f"{found.compare:.1f} ms to compare with the codes of 100,000 pictures"),
    ]


def _minutes(seconds: float) -> str:
    """A time in words.

    >>> _minutes(42), _minutes(600)
    ('42 s', '10 min')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
