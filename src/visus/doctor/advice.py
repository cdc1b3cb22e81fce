"""What would make visus run better on this machine, in sentences."""

from collections.abc import Iterator, Sequence

from visus.doctor.machine import BF16, Machine
from visus.doctor.packages import LIGHT, Extra
from visus.doctor.parts import Part


def advice(machine: Machine, extras: Sequence[Extra], parts: dict[str, Part]) -> list[str]:
    """What to do, the most important first; empty where all is well.

    Args:
        machine: What there is to compute with.
        extras: What is installed.
        parts: What makes visus fast, by its key.
    """
    said = [*_packages(extras), *_broken(parts), *_describing(machine, parts), *_cards(machine, parts)]
    if machine.cores < machine.all_cores:
        said.append(
            f"This process may use {machine.cores} of {machine.all_cores} cores; visus uses no more than these."
        )
    return said


def _packages(extras: Sequence[Extra]) -> Iterator[str]:
    """What an installation must have and has not, and extras of which a part is missing."""
    if not extras:
        yield "visus is not installed as a package, so nothing tells which versions it needs; say: pip install visus"
    for extra in extras:
        if extra.state != "part":
            continue
        wrong = ", ".join(f"{own.name} ({own.problem})" for own in extra.packages if own.problem)
        what = "search" if extra.name == LIGHT else f"visus[{extra.name}]"
        yield f"Packages for {what} are not as they must be: {wrong}; say: {extra.install} --upgrade"


def _broken(parts: dict[str, Part]) -> Iterator[str]:
    for key, part in parts.items():
        if part.state == "broken":
            mend = "" if key == "compiled" else f"; install it anew: pip install --force-reinstall {_PIP.get(key, key)}"
            yield f"{part.name} is there and does not run: {part.told.rstrip('.')}{mend}"


_PIP = {
    "jpeg": "simplejpeg", "opencv": "opencv-contrib-python-headless", "lance": "pylance", "onnxruntime": "onnxruntime",
}  # fmt: skip


def _describing(machine: Machine, parts: dict[str, Part]) -> Iterator[str]:
    if parts["openvino"].state == "missing":
        yield "OpenVINO describes pictures fastest on a processor; say: pip install 'visus[fast]'"
    elif parts["openvino"].state == "runs" and set(BF16) & set(machine.instructions):
        yield (
            "This processor multiplies numbers of 16 bits: visus index --precision bf16 is faster, and a picture finds "
            "itself with 0.998 in place of 1."
        )


def _cards(machine: Machine, parts: dict[str, Part]) -> Iterator[str]:
    torch, cards = parts["torch"], ", ".join(machine.cards)
    if not machine.cards or torch.state == "broken":
        return
    if torch.state == "missing":
        yield f"There is {cards}: PyTorch trains and describes pictures on it; say: pip install 'visus[train]'"
    elif not torch.values.get("cuda"):
        yield f"There is {cards}, and PyTorch was built without CUDA; install its build for CUDA, as pytorch.org says."
    elif not torch.values.get("cards"):
        yield f"There is {cards}, and PyTorch does not reach it; bring its driver up to date."
