"""The picture of docs/data.md: one box in the numbers of each format.

python -m docs.gallery.half_pixels
"""

from pathlib import Path
from typing import Any

from visus.images import plots

WIDTH, HEIGHT = 8, 5  # pixels
BOX = (2, 1, 5, 4)  # edges: left, top, right, bottom
PLACE = Path(__file__).parents[1] / "pictures" / "half-pixels.jpg"


def numbers() -> dict[str, str]:
    """The box as each format writes it."""
    left, top, right, bottom = BOX
    width, height = right - left, bottom - top
    return {
        "edges (visus, labelme, CVAT)": f"{left}, {top} to {right}, {bottom}",
        "Pascal VOC: pixels from 1, the last belongs to it": f"{left + 1}, {top + 1} to {right}, {bottom}",
        "VOC as labelImg and Label Studio write it: edges": f"{left}, {top} to {right}, {bottom}",
        "COCO: corner and size": f"{left}, {top}, {width} x {height}",
        "CreateML: middle and size": f"{(left + right) / 2:g}, {(top + bottom) / 2:g}, {width} x {height}",
        "YOLO: middle and size, as shares of the picture": (
            f"{(left + right) / 2 / WIDTH:g}, {(top + bottom) / 2 / HEIGHT:g}, {width / WIDTH:g} x {height / HEIGHT:g}"
        ),
    }


def draw() -> Any:
    """Pixels as squares, their middles as dots, the box as a line along edges."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=(11, 4))
    axes = figure.subplots()
    left, top, right, bottom = BOX
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, color="#ffd27f"))
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, color="#c0392b", linewidth=3))
    axes.scatter(
        *zip(*[(x + 0.5, y + 0.5) for x in range(WIDTH) for y in range(HEIGHT)], strict=True), s=9, color="gray"
    )
    axes.set_xticks(range(WIDTH + 1))
    axes.set_yticks(range(HEIGHT + 1))
    axes.grid(visible=True, color="0.7")
    axes.set_axisbelow(True)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(HEIGHT, 0)
    axes.set_aspect("equal")
    axes.xaxis.tick_top()
    text = "\n\n".join(f"{name}:\n    {value}" for name, value in numbers().items())
    axes.text(WIDTH + 0.3, 0, text, va="top", fontsize=10)
    figure.subplots_adjust(left=0.03, right=0.6)
    return figure


def main() -> None:
    """Write the picture."""
    import tempfile

    from visus import read, write

    with tempfile.TemporaryDirectory() as folder:
        plots.save(draw(), Path(folder) / "figure.png")
        write(PLACE, read(Path(folder) / "figure.png"), quality=85)


if __name__ == "__main__":
    main()
