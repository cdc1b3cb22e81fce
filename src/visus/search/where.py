"""The grammar of ``where``: which pictures a search may find, by what the index knows of their files.

Comparisons of named columns with numbers, texts and dates; AND, OR, NOT, LIKE, IN, BETWEEN, IS NULL; ``+ - * /`` with
true division. No functions, no other columns, a bounded length: a condition comes from whoever may ask, also over HTTP.
What is understood is handed to the table's engine as SQL of a few safe forms.
"""

import functools
import math
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from visus._errors import InputError

if TYPE_CHECKING:
    from lark import Lark

Branch = Any
"""A part of a parsed condition: lark's tree."""
Token = Any
"""A word of it: lark's token, a text; None for an optional word that is not there."""

Kind = Literal["number", "text", "date", "quoted", "condition"]

COLUMNS: dict[str, Kind] = {
    "path": "text",
    "width": "number",
    "height": "number",
    "size": "number",
    "depth": "number",
    "container": "text",
    "mtime": "date",
    "seen": "date",
    "captured": "date",
}
"""What a condition may name, and what it holds: sizes in pixels, bytes and bits, times in UTC (captured: local)."""

LONGEST = 4000
"""Characters of a condition at most."""

DEEPEST = 45
"""Brackets and NOTs inside each other, and signs of arithmetic one after another, at most: the engine allows 50."""

EXAMPLE = "width > 1000 AND path LIKE '%.jpg'"

_GRAMMAR = r"""
?start: either
?either: both (OR both)*
?both: denied (AND denied)*
?denied: NOT denied -> denied
       | compared
?compared: sum
         | sum SIGN sum -> compare
         | sum [NOT] LIKE QUOTED -> like
         | sum [NOT] IN "(" item ("," item)* ")" -> among
         | sum [NOT] BETWEEN sum AND sum -> between
         | sum IS [NOT] NULL -> missing
?sum: product (ADD product)*
?product: signed (TIMES signed)*
?signed: ADD signed -> signed
       | atom
?atom: NUMBER -> number
     | QUOTED -> quoted
     | NAME -> column
     | "(" either ")"
item: [ADD] NUMBER -> number
    | QUOTED -> quoted

OR.2: /or\b/i
AND.2: /and\b/i
NOT.2: /not\b/i
LIKE.2: /like\b/i
IN.2: /in\b/i
BETWEEN.2: /between\b/i
IS.2: /is\b/i
NULL.2: /null\b/i
SIGN: /<=|>=|<>|!=|==|=|<|>/
ADD: /[+-]/
TIMES: /[*\/]/
NUMBER: /(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\b/i
QUOTED: /'(''|[^'])*'/
NAME: /[a-z_][a-z_0-9]*/i
%ignore /\s+/
"""


class Value(NamedTuple):
    """A part of a condition as SQL, and what it holds."""

    sql: str
    kind: Kind
    text: str = ""


def to_sql(condition: str, columns: Collection[str] = tuple(COLUMNS)) -> str:
    """What the table's engine is asked for a condition.

    Args:
        condition: For example ``"width / height > 1.5 AND captured >= '2024-06'"``.
        columns: Those of :data:`COLUMNS` that the index has.

    Returns:
        A condition of the engine that is free of functions and names nothing but ``columns``.

    Raises:
        InputError: It is not understood; the message names the place.

    >>> to_sql("width >= 1000 and not path like '%.png'")
    "(CAST(width AS DOUBLE) >= CAST(1000.0 AS DOUBLE)) AND (NOT (path LIKE '%.png'))"
    """
    from lark.exceptions import UnexpectedInput

    if not isinstance(condition, str):
        raise InputError(f"A condition is a text, for example {EXAMPLE!r}, not {type(condition).__name__}.")
    try:
        condition.encode()
    except UnicodeEncodeError as error:
        raise InputError("The condition has bytes that are no UTF-8 text; use LIKE with % in their place.") from error
    if len(condition) > LONGEST:
        raise InputError(f"The condition has {len(condition):,} characters; at most {LONGEST:,} are allowed.")
    try:
        tree = _parser().parse(condition)
    except UnexpectedInput as error:
        ended = getattr(getattr(error, "token", None), "type", "") == "$END"
        raise _not_understood(condition, len(condition) if ended else error.pos_in_stream or 0) from error
    if _depth(tree) > DEEPEST:
        raise InputError(
            f"The condition is more than {DEEPEST} levels deep, counting brackets, NOT, and + - * / one after another; "
            "simplify it."
        )
    found = _Translation(condition, columns).of(tree)
    if found.kind != "condition":
        raise InputError(f"{condition!r} is not a condition: it compares nothing; for example: {EXAMPLE}")
    return found.sql


@functools.cache
def _parser() -> "Lark":
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=True)


def _depth(tree: Branch) -> int:
    """How deep parts lie in each other in SQL."""
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        part, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + _levels(part)) for child in getattr(part, "children", ())]
    return deepest


def _levels(part: Branch) -> int:
    """How deep the engine is in SQL at the last of a part's own parts, counted from the part.

    A bracket is one level and what stands behind a sign another; a chain of arithmetic has a bracket for each sign.
    """
    if part.data in ("sum", "product"):
        return len(part.children) // 2 + 1 + 2 * ("/" in part.children)  # NULLIF is a function
    return 2 if part.data in ("either", "both", "denied", "signed") else 1


def _not_understood(condition: str, at: int) -> InputError:
    rest = condition[at : at + 20]
    where = f"at character {at + 1}, {rest!r}" if rest.strip() else "at its end"
    return InputError(
        f"The condition {condition!r} is not understood {where}; it may use {', '.join(COLUMNS)}, comparisons, AND, "
        f"OR, NOT, LIKE, IN, BETWEEN, IS NULL and + - * /, for example: {EXAMPLE}"
    )


class _Translation:
    """From the tree of a condition to SQL.

    Args:
        condition: As it was written, for messages.
        columns: What it may name.
    """

    def __init__(self, condition: str, columns: Collection[str]) -> None:
        self._condition = condition
        self._columns = columns

    def of(self, part: Branch) -> Value:
        """The SQL of a part."""
        rules: dict[str, Callable[..., Value]] = {
            "either": partial(self._joined, "OR"),
            "both": partial(self._joined, "AND"),
            "denied": self._denied,
            "compare": self._compare,
            "like": self._like,
            "among": self._among,
            "between": self._between,
            "missing": self._missing,
            "sum": self._arithmetic,
            "product": self._arithmetic,
            "signed": self._signed,
            "number": self._number,
            "quoted": self._quoted,
            "column": self._column,
        }
        return rules[part.data](*part.children)

    # Conditions ----------------------------------------------------------------------------------------------

    def _joined(self, word: str, *parts: Branch) -> Value:
        return Value(f" {word} ".join(f"({self._condition_of(part).sql})" for part in parts[::2]), "condition")

    def _denied(self, _: Token, part: Branch) -> Value:
        return Value(f"NOT ({self._condition_of(part).sql})", "condition")

    def _compare(self, left: Branch, sign: Token, right: Branch) -> Value:
        first, second = self._alike(left, right)
        return Value(f"{first.sql} {'=' if sign == '==' else sign} {second.sql}", "condition")

    def _like(self, part: Branch, no: Token, _: Token, pattern: Token) -> Value:
        value = self.of(part)
        if value.kind != "text":
            raise self._wrong("LIKE compares path or container with a text in '...'")
        text = pattern.upper() if value.sql == "container" else pattern
        return Value(f"{value.sql} {_not(no)}LIKE {text}", "condition")

    def _among(self, part: Branch, no: Token, _: Token, *items: Branch) -> Value:
        pairs = [self._alike(part, item) for item in items]
        listed = ", ".join(item.sql for _, item in pairs)
        return Value(f"{pairs[0][0].sql} {_not(no)}IN ({listed})", "condition")

    def _between(self, part: Branch, no: Token, *range_of: Branch) -> Value:
        _, low, _, high = range_of
        (value, least), (_, most) = self._alike(part, low), self._alike(part, high)
        return Value(f"{value.sql} {_not(no)}BETWEEN {least.sql} AND {most.sql}", "condition")

    def _missing(self, part: Branch, _: Token, no: Token, __: Token) -> Value:
        return Value(f"{self._value_of(part).sql} IS {_not(no)}NULL", "condition")

    # Values --------------------------------------------------------------------------------------------------

    def _arithmetic(self, first: Branch, *rest: Branch) -> Value:
        sql = self._number_of(first).sql
        for sign, part in zip(rest[::2], rest[1::2], strict=True):
            other = self._number_of(part).sql
            sql = f"({sql} / NULLIF({other}, 0))" if sign == "/" else f"({sql} {sign} {other})"  # by zero: no value
        return Value(sql, "number")

    def _signed(self, sign: Token, part: Branch) -> Value:
        return Value(f"({sign} {self._number_of(part).sql})", "number")

    def _number(self, *signs: Token) -> Value:
        *sign, number = signs
        value = float(number or 0)
        if not math.isfinite(value):
            raise self._wrong(f"the number {number} is too large")
        return Value(f"{'-' if '-' in sign else ''}CAST({value!r} AS DOUBLE)", "number")

    def _quoted(self, text: Token) -> Value:
        return Value(str(text), "quoted", str(text)[1:-1].replace("''", "'"))

    def _column(self, name: Token) -> Value:
        kind = COLUMNS.get(name.lower())
        if kind is None:
            raise self._wrong(f"there is no column {name}; there are {', '.join(COLUMNS)}")
        if name.lower() not in self._columns:
            raise self._wrong(f"this index does not know {name.lower()} yet; visus index FOLDER completes it")
        return Value(f"CAST({name.lower()} AS DOUBLE)" if kind == "number" else name.lower(), kind)

    # Kinds ---------------------------------------------------------------------------------------------------

    def _condition_of(self, part: Branch) -> Value:
        value = self.of(part)
        if value.kind != "condition":
            raise self._wrong("AND, OR and NOT take comparisons")
        return value

    def _value_of(self, part: Branch) -> Value:
        value = self.of(part)
        if value.kind == "condition":
            raise self._wrong("a comparison has no value to compare")
        return value

    def _number_of(self, part: Branch) -> Value:
        value = self.of(part)
        if value.kind != "number":
            raise self._wrong("+ - * / take numbers")
        return value

    def _alike(self, left: Branch, right: Branch) -> tuple[Value, Value]:
        """Two values that can be compared; a text beside a date is read as one."""
        first, second = self._value_of(left), self._value_of(right)
        kinds = {first.kind, second.kind}
        if kinds == {"date", "quoted"}:
            return self._dated(first), self._dated(second)
        if kinds == {"text", "quoted"} and "container" in (first.sql, second.sql):
            return _upper(first), _upper(second)
        if kinds in ({"number"}, {"date"}) or kinds <= {"text", "quoted"}:
            return first, second
        raise self._wrong(f"{_NAMED[first.kind]} cannot be compared with {_NAMED[second.kind]}")

    def _dated(self, value: Value) -> Value:
        if value.kind == "date":
            return value
        for form in _DATES:
            try:
                moment = datetime.strptime(value.text, form)
            except ValueError:
                continue
            return Value(f"TIMESTAMP '{moment.isoformat(' ')}'", "date")  # strftime drops zeros of early years
        raise self._wrong(f"{value.text!r} is not a date such as '2024', '2024-06-30' or '2024-06-30 18:00'")

    def _wrong(self, reason: str) -> InputError:
        return InputError(f"The condition {self._condition!r} is not understood: {reason}.")


_NAMED = {"number": "a number", "text": "a text", "quoted": "a text", "date": "a date", "condition": "a comparison"}
_DATES = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


def _not(word: Token) -> str:
    return "NOT " if word else ""


def _upper(value: Value) -> Value:
    """Containers are written in capitals."""
    return Value(value.sql.upper(), "quoted", value.text.upper()) if value.kind == "quoted" else value
