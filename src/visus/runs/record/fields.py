"""A setting as a field of a dataclass: what it means, which values it takes, how a command line says it.

It is stated once, in the annotation of the field, and read from there by whoever checks, lists or asks for it.
"""

import math
import types
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from visus._errors import InputError

Settings = TypeVar("Settings", bound=type)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting means, which values it takes, and how a command line says it.

    Attributes:
        text: What it means, for people.
        panel: The heading under which it is listed, or None where it has no option.
        within: The numbers that it may be, as an interval: ``"[0, 1)"``, ``"(0, inf)"``.
        option: Its name on the command line, where that is another; ``"--staged/--joint"`` for yes and no.
        default: What a default of None stands for, in words.
        metavar: What its value looks like on the command line.
        empty: Whether a list may be empty, which a command line says as ``none``.
        fraction: Whether a command line may say it as a fraction: ``2/255``.
    """

    text: str
    panel: str | None = None
    within: str = ""
    option: str = ""
    default: str = ""
    metavar: str = ""
    empty: bool = False
    fraction: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A setting as the class of its task declares it.

    Attributes:
        name: Of the field.
        kind: Its type, without None and without what :class:`Setting` says.
        optional: Whether None stands for what suits.
        default: Its default.
        about: What it means.
    """

    name: str
    kind: Any
    optional: bool
    default: Any
    about: Setting

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts that it, or each entry of its list, may be; empty for any."""
        entry = get_args(self.kind)[0] if get_origin(self.kind) is tuple else self.kind
        return get_args(entry) if get_origin(entry) is Literal else ()

    @property
    def whole(self) -> bool:
        """Whether it is one whole number."""
        return self.kind is int

    def check(self, value: Any, name: str = "") -> None:  # noqa: ANN401 - it may be anything
        """Refuse a value that the setting cannot have.

        Args:
            value: A plain value.
            name: What it is called in the message; its own name by default.

        Raises:
            InputError: It is of another type, or beyond its bounds.
        """
        name = name or self.name
        if value is None and self.optional:
            return
        fits, wanted = _fits(value, self.kind)
        if not fits:
            raise InputError(f"{name} must be {wanted}, not {value!r}.")
        for entry in value if isinstance(value, tuple) else (value,):
            if self.choices and entry not in self.choices:
                raise InputError(f"{name} must be one of {', '.join(self.choices)}, not {entry!r}.")
        if self.about.within:
            low, high = bounds(self.about.within)
            numbers: Any = value if isinstance(value, tuple) else (value,)
            if not all(low <= number <= high for number in numbers):
                raise InputError(f"{name} must be {interval(self)}, not {value!r}.")


def known_settings(kind: Any) -> dict[str, Known]:  # noqa: ANN401 - a dataclass
    """The settings of a dataclass by name, in the order of their fields."""
    found = {}
    for field in fields(kind):
        plain, *about = get_args(field.type) if get_origin(field.type) is Annotated else (field.type,)
        options = [part for part in get_args(plain) if part is not type(None)] if _is_union(plain) else [plain]
        found[field.name] = Known(
            field.name, options[0], options != [plain], field.default, about[0] if about else Setting("")
        )
    return found


def _is_union(kind: Any) -> bool:  # noqa: ANN401 - a type
    return get_origin(kind) in (Union, types.UnionType)


def bounds(within: str) -> tuple[float, float]:
    """The smallest and the largest number of an interval.

    >>> bounds("[1, 4096]"), bounds("(0, inf)")[0] > 0, bounds("[0, 1)")[1] < 1
    ((1.0, 4096.0), True, True)
    """
    low, high = (float(part) for part in within[1:-1].split(","))
    if within[0] == "(":
        low = math.nextafter(low, math.inf)
    if within[-1] == ")":
        high = math.nextafter(high, -math.inf)
    return low, high


def interval(known: Known) -> str:
    """An interval in words."""
    within, (low, high) = known.about.within, known.about.within[1:-1].split(", ")
    if known.whole:
        if high == "inf":
            return "a whole number above 0" if low == "1" else f"a whole number from {low} on"
        return f"a whole number from {low} to {high}"
    if high == "inf":
        return f"above {low}" if within[0] == "(" else f"at least {low}"
    return f"within {within}"


def _fits(value: object, kind: Any) -> tuple[bool, str]:  # noqa: ANN401 - a type
    """Whether a value is of a type, and what that type is called."""
    if get_origin(kind) is tuple:
        entry = get_args(kind)[0]
        entry = str if get_origin(entry) is Literal else entry
        fits = isinstance(value, tuple) and all(isinstance(v, entry) and not isinstance(v, bool) for v in value)
        if entry is float:  # so many numbers as the type has
            count = len(get_args(kind))
            fits = isinstance(value, tuple) and len(value) == count and all(_fits(v, float)[0] for v in value)
            return fits, f"{count} numbers"
        return fits, "a list of whole numbers" if entry is int else "a list of names"
    if kind is bool:
        return isinstance(value, bool), "true or false"
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool), "a number"
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool), "a whole number"
    return isinstance(value, str), "text"


def documented(cls: Settings) -> Settings:
    """Add the settings that a dataclass declares itself to its docstring, as its attributes."""
    own = [known for name, known in known_settings(cls).items() if name in cls.__annotations__]
    lines = [f"        {known.name}: {_sentence(known)}" for known in own]
    cls.__doc__ = "\n".join([(cls.__doc__ or "").rstrip(), "", "    Attributes:", *lines, "    "])
    return cls


def _sentence(known: Known) -> str:
    """What a setting means and may be."""
    about = known.about
    parts = [about.text.rstrip(".")]
    if known.choices:
        parts.append("one of " + ", ".join(f"``{choice}``" for choice in known.choices))
    elif about.within:
        parts.append(interval(known))
    if about.default:
        parts.append(f"None for {about.default}")
    return "; ".join(parts) + "."
