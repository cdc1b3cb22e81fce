"""The model card of a run (Mitchell et al., "Model cards for model reporting", FAT* 2019): ``card.md``.

It is made of the files of the run alone, so that it says nothing that they do not: anew after the training, and after
each evaluation in the run's folder.
"""

import csv
import json
from pathlib import Path
from typing import Any

from visus._errors import VisusError
from visus._files import write_atomically
from visus.graphs.weights import of as weights_of
from visus.runs.record.folder import CONFIG, is_run, summary_of
from visus.runs.record.settings import read_toml
from visus.tasks.wilson import FEW, interval

CARD = "card.md"
ROBUSTNESS = "robustness.csv"
_WORST = 5
_COUNTED = {
    "val_accuracy",
    "val_localised",
    "top1",
    "top5",
    "accuracy",
    "exact",
    "localised",
}  # shares of pictures, which an interval is for


def write(folder: Path) -> None:
    """Write the card of a run; of a file that lies alone there is none.

    Raises:
        RunError: A file of the run is damaged.
    """
    if is_run(folder) and summary_of(folder).get("status") == "finished":
        write_atomically(folder / CARD, text(folder).encode("utf-8", "backslashreplace"))


def text(folder: Path) -> str:
    """The card, as Markdown.

    Raises:
        RunError: A file of the run is damaged.
    """
    summary, config = summary_of(folder), read_toml(folder / CONFIG)
    parts = [
        f"# {folder.resolve().name}: {summary.get('net')}, a network that was trained to {summary.get('task')}",
        *_data(summary, config),
        *_measures(folder, summary),
        "## Robustness",
        _robustness(folder),
        "## License",
        _license(config),
    ]
    return "\n\n".join(parts) + "\n"


def _data(summary: dict[str, Any], config: dict[str, Any]) -> list[str]:
    counts = ", ".join(f"{count:,} of {split}" for split, count in summary.get("pictures", {}).items())
    classes = list(map(str, summary.get("classes", [])))
    told = ", ".join(classes[:20]) + (f" and {len(classes) - 20} more" if len(classes) > 20 else "")
    return [
        "## Data",
        f"Pictures of `{Path(str(config.get('data', ''))).name}`{f': {counts}' if counts else ''}; their "
        f"fingerprint is `{summary.get('data')}`. {len(classes)} classes: {told}. It knows nothing else, "
        "and answers with one of them whatever it is shown.",
        f"Weights at the beginning: {config.get('weights', 'none')}. `{CONFIG}` has every setting; it repeats the run.",
    ]


def _measures(folder: Path, summary: dict[str, Any]) -> list[str]:
    best, counts = summary.get("best", {}), summary.get("pictures", {})
    own = {name: value for name, value in best.items() if name.startswith("val_")}
    lines = [_table(own, counts.get("val", 0))]
    place = f"{best.get('epoch') or 'the probe before the first'} of {summary.get('epochs')}"
    place = place if summary.get("epochs") else "the probe alone"
    by = "by whose loss" if summary.get("best_by") == "val_loss" else "by which"
    said = f"On val, {by} the epoch was chosen ({place}), and so too good:"
    if refit := summary.get("refit"):
        lines.append(
            f"The network that is kept was trained once more, on the {refit.get('pictures'):,} pictures of train and "
            "val; what val says is of the network before."
        )
    unmeasured = len(lines)
    for place in sorted(folder.glob("evaluation-*/evaluation.json")):
        found = json.loads(place.read_text(encoding="utf-8"))
        if isinstance(found.get("boxes"), dict):
            found |= {"ap": found["boxes"].get("ap"), "ap50": found["boxes"].get("ap50")}
        numbers = {name: value for name, value in found.items() if isinstance(value, float)}
        lines += [f"On {found.get('split')}, {found.get('pictures'):,} pictures (`{place.parent.name}`):"]
        lines += [_table(numbers, int(found.get("pictures", 0)), found.get("intervals", {}))]
        if worst := _worst(found, list(map(str, summary.get("classes", [])))):
            lines.append(worst)
        lines += [f"- {remark}" for remark in found.get("remarks", [])]
    if len(lines) == unmeasured:
        lines.append("Not measured on pictures of their own yet: `visus evaluate RUN`.")
    else:
        lines.append(
            "Intervals of shares of pictures are Wilson's (1927), those of other measures come from the bootstrap over "
            "pictures (Efron 1979)."
        )
    return ["## Measures", said, *lines]


def _table(numbers: dict[str, Any], count: int, intervals: dict[str, Any] | None = None) -> str:
    """Measures with their intervals: those that an evaluation has, and of shares of pictures Wilson's."""
    rows = ["| measure | value | 95 % of the time between |", "|---|---|---|"]
    for name, value in numbers.items():
        ends = (intervals or {}).get(name)
        if ends is None and name in _COUNTED and count and 0 <= value <= 1:
            ends = interval(value, count)
        between = f"{ends[0]:.4f} and {ends[1]:.4f}" if ends else "not known"
        rows.append(f"| {name} | {value:.4f} | {between} |")
    return "\n".join(rows)


def _worst(found: dict[str, Any], classes: list[str]) -> str:
    """The classes that are answered worst, at most half of them, with the measure of each."""
    if isinstance(boxes := found.get("boxes"), dict):
        each = (boxes.get("intervals") or {}).get("each") or [None] * len(classes)
        rows = list(zip(classes, boxes.get("each", []), each, strict=False))
        name = "AP"
    else:
        name = "recall" if "top1" in found else "average_precision" if "mean_ap" in found else "iou"
        rows = [(row["class"], row.get(name), row.get(f"{name}_interval")) for row in found.get("classes", [])]
    there = sorted((own for own in rows if own[1] is not None and own[1] >= 0), key=lambda own: own[1])
    said, count = name.replace("_", " "), min(_WORST, len(there) // 2)
    told = ", ".join(f"{label} ({said} {value:.1%}{_within(ends)})" for label, value, ends in there[:count])
    return f"Worst {'class' if count == 1 else 'classes'}: {told}." if told else ""


def _within(ends: Any) -> str:  # noqa: ANN401 - two numbers of a file, or None
    return f", {ends[0]:.1%} to {ends[1]:.1%}" if ends else ""


_TOLD = ("measure", "pictures", "split")  # the last columns of the table, since 0.2


def _robustness(folder: Path) -> str:
    """How answers get worse as pictures are changed, where that was measured."""
    place = folder / ROBUSTNESS
    if not place.is_file():
        return f"Not measured (`visus explain robustness RUN --out RUN/{ROBUSTNESS}`)."
    with place.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row]
    if len(rows) < 2:
        return f"{ROBUSTNESS} is empty."
    told = dict(zip(rows[0], rows[1], strict=False))
    known = told.get("pictures", "").isdigit() and all(name in told for name in _TOLD)
    columns = slice(0, len(rows[0]) - len(_TOLD) if known else None)
    cells = [[_size(name) for name in rows[0]], ["---"] * len(rows[0]), *([_share(own) for own in r] for r in rows[1:])]
    lines = ["| " + " | ".join(row[columns]) + " |" for row in cells]
    return "\n".join([*([_measured(told)] if known else []), *lines])


def _measured(told: dict[str, str]) -> str:
    """What the values of the table are, and of which pictures."""
    few = " They are few: a difference of some points may be chance." if int(told["pictures"]) < FEW else ""
    of_split = f" of {told['split']}" if told["split"] else ""
    return (
        f"The {told['measure']} on {int(told['pictures']):,} pictures{of_split}, changed by so much of white: by "
        f"attacks at most, by noise and JPEG in the root mean square.{few}\n"
    )


def _size(text: str) -> str:
    """The head of a column: sizes as parts of 255.

    >>> _size("change"), _size("0"), _size("0.01568627")
    ('change', 'as it is', '4/255')
    """
    try:
        value = float(text)
    except ValueError:
        return text
    return f"{255 * value:.3g}/255" if value else "as it is"


def _share(text: str) -> str:
    try:
        return f"{float(text):.1%}"
    except ValueError:
        return text


def _license(config: dict[str, Any]) -> str:
    """Under what the weights may be used, as far as it is known."""
    own = "That of the weights depends on the pictures that they were trained on, and is yours to say."
    if config.get("weights") != "imagenet" or config.get("mode") == "scratch":
        return own
    name = str(config.get("backbone") or config.get("net"))
    try:
        began = weights_of(name).license
    except VisusError:
        began = "that of their source"
    return f"The training began with weights of {name}: {began}. {own}"
