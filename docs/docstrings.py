"""How complete the docstrings are: ``python -m docs.docstrings``; ``--missing`` names what lacks something.

Counted are public functions, methods and classes of ``src/visus``, found by reading the code, not by running it:

shapes    of functions that take or give arrays, those whose docstring gives a shape and a dtype
raises    of functions that raise an error themselves, those that say so; not those whose docstring is shown to users
source    of public functions and classes in filters, ops, nets and explain, those that name a paper, a section, an
          equation or a standard
doctest   of public functions there, those that show an example
riddles   docstrings whose first line has three words or fewer
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1] / "src" / "visus"
SHOWN = ("cli/", "server/routes/")  # docstrings there are shown to users, who are told errors otherwise
TAUGHT = ("filters", "ops", "nets", "explain")
GOALS = {"shapes": 0.9, "raises": 1.0, "source": 0.6, "doctest": 0.4}

_ARRAYS = re.compile(r"\b(NDArray|ArrayLike|Tensor|ndarray|Floats|Pixels)\b")
_SHAPE = re.compile(r"``\([^`]*\)``|``\[[^`]*\]``|\bscalar\b|\bsame shape\b")
_DTYPE = re.compile(
    r"\b(uint8|uint16|int16|int32|int64|float16|float32|float64|float|bool|bytes|integer|dtype|complex)\b"
)
_SOURCE = re.compile(
    r"\b(19|20)\d\d\b|\b(section|equation|figure|algorithm|appendix|chapter|table) \d|\bITU-R\b|\bISO\b"
)
_NOT_RAISED = {"NotImplementedError", "AttributeError", "KeyboardInterrupt", "StopIteration", "SystemExit"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Count:
    """How many of some docstrings have something.

    Attributes:
        total: How many should.
        missing: Those that do not, by file and name.
    """

    total: int = 0
    missing: list[str] = field(default_factory=list)

    def add(self, name: str, *, there: bool) -> None:
        """Count one."""
        self.total += 1
        if not there:
            self.missing.append(name)

    @property
    def share(self) -> float:
        """Those that have it, in [0, 1]."""
        return 1 - len(self.missing) / max(1, self.total)


def measure(root: Path = ROOT) -> dict[str, Count]:
    """The counts of a package."""
    counts = {name: Count() for name in ("shapes", "raises", "source", "doctest", "riddles")}
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).parts
        if any(part.startswith("_") and part != "__init__.py" for part in parts):
            continue
        for node, owner in _public(ast.parse(file.read_text(encoding="utf-8"))):
            name = f"{'/'.join(parts)}:{owner}{node.name}"
            _count(counts, node, name, taught=parts[0] in TAUGHT, top=not owner)
    return counts


def _public(module: ast.Module) -> Iterator[tuple[Function | ast.ClassDef, str]]:
    """Public functions and classes of a module, and public methods with the name of their class."""
    for node in module.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node, ""
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Function) and not inner.name.startswith("_"):
                    yield inner, f"{node.name}."


def _count(counts: dict[str, Count], node: Function | ast.ClassDef, name: str, *, taught: bool, top: bool) -> None:
    text = ast.get_docstring(node) or ""
    if "overload" in (ast.unparse(own) for own in node.decorator_list):
        return
    first = text.splitlines()[0] if text else ""
    shown = name.startswith(SHOWN)
    counts["riddles"].add(name, there=shown or len(first.split()) > 3)
    if taught and top:
        counts["source"].add(name, there=bool(_SOURCE.search(text)))
    if isinstance(node, ast.ClassDef):
        return
    if taught and top:
        counts["doctest"].add(name, there=">>>" in text)
    signature = " ".join(ast.unparse(a) for a in _annotations(node))
    if _ARRAYS.search(signature):
        counts["shapes"].add(name, there=bool(_SHAPE.search(text) and _DTYPE.search(text)))
    if _raises(node) and not shown:
        counts["raises"].add(name, there="Raises:" in text)


def _annotations(node: Function) -> Iterator[ast.expr]:
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    yield from (own.annotation for own in arguments if own.annotation)
    if node.returns:
        yield node.returns


def _raises(node: Function) -> bool:
    """Whether a function raises an error of its own; what functions within it raise is theirs."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(inner, ast.Raise) and inner.exc is not None:
            raised = ast.unparse(inner.exc).split("(")[0]
            if raised[:1].isupper() and raised not in _NOT_RAISED:
                return True
        waiting.extend(ast.iter_child_nodes(inner))
    return False


def main() -> None:
    """Print the table, and what is missing where that is asked for."""
    counts = measure()
    for name, count in counts.items():
        goal = f"   goal {GOALS[name]:.0%}" if name in GOALS else ""
        had = f"{count.total - len(count.missing):5} of {count.total:5}  {count.share:6.1%}{goal}"
        print(f"{name:8} {had}" if name != "riddles" else f"riddles  {len(count.missing):5}")
    if "--missing" in sys.argv:
        for name, count in counts.items():
            for place in count.missing:
                print(f"{name:8} {place}")


if __name__ == "__main__":
    main()
