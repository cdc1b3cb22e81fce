"""``visus filter``: one classical operator on a picture, or on all pictures of a folder."""

import functools
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from visus._errors import FormatError, InputError
from visus.cli.options import PICTURE_ENDINGS, ending, pixel, plural, save_picture, spare

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from visus.images.samples import Layers

    Array = NDArray[np.generic]
    Steps = list[tuple[str, Array]]

EXAMPLES = """
Examples:

    visus filter canny street.jpg edges.png              edges one pixel wide
    visus filter canny street.jpg steps.png --stages     every step on the way
    visus filter canny a.jpg fine.png --sigma 2 --low 0.05 --high 0.15
    visus filter median noisy.png clean.png --size 5
    visus filter texture cat.jpg texture.csv --numbers   48 numbers, and texture.png: the filter that answers most
    visus filter noise a.png b.png --kind salt_and_pepper --amount 0.1 --seed 1
    visus filter convolve a.jpg c.png --kernel '0 -1 0; -1 5 -1; 0 -1 0'
    visus filter gaussian photos smooth --sigma 3        a whole folder
"""

_SHEET_TILE = 320

Name = Literal[
    "gaussian", "box", "median", "bilateral", "noise", "convolve", "gradient", "derivative", "roberts", "prewitt",
    "sobel", "scharr", "log", "dog", "canny", "histogram", "texture", "textons",
]  # fmt: skip


def filter_(
    name: Annotated[Name, typer.Argument(metavar="NAME", help="The operator; see the list above.")],
    source: Annotated[Path, typer.Argument(metavar="IN", help="A picture, or a folder of pictures.")],
    target: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="The picture to write, or the folder to write to.")
    ] = None,
    stages: Annotated[bool, typer.Option("--stages", help="Write a sheet of all steps in place of the last.")] = False,
    sigma: Annotated[
        float | None, typer.Option(help="Standard deviation in pixels; of noise, as a share of white.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the window in pixels.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="bilateral: difference that counts as alike; by default 2.5 times the noise.")
    ] = None,
    low: Annotated[float | None, typer.Option(help="canny: lower threshold.")] = None,
    high: Annotated[float | None, typer.Option(help="canny: higher threshold.")] = None,
    thresholds: Annotated[str | None, typer.Option(help="canny: 'contrast' of a step, or 'quantile'.")] = None,
    order: Annotated[int | None, typer.Option(help="derivative: 1 or 2.")] = None,
    angle: Annotated[float | None, typer.Option(help="derivative: direction in degrees, 0 right, 90 down.")] = None,
    elongation: Annotated[float | None, typer.Option(help="derivative: how many times longer across.")] = None,
    ratio: Annotated[float | None, typer.Option(help="dog: how many times wider the other Gaussian is.")] = None,
    kernel: Annotated[str | None, typer.Option(help="convolve: rows of numbers, '1 0 -1; 2 0 -2'.")] = None,
    padding: Annotated[str | None, typer.Option(help="Border: constant, replicate, reflect, mirror or wrap.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="noise: gaussian, salt_and_pepper, impulse, poisson or speckle.")
    ] = None,
    amount: Annotated[float | None, typer.Option(help="noise: share of pixels that are hit.")] = None,
    peak: Annotated[float | None, typer.Option(help="noise: photons of a white pixel, for poisson.")] = None,
    scales: Annotated[str | None, typer.Option(help="texture, textons: 'small' or 'large' filters.")] = None,
    hues: Annotated[int | None, typer.Option(help="histogram: bins of hue.")] = None,
    saturations: Annotated[int | None, typer.Option(help="histogram: bins of saturation.")] = None,
    values: Annotated[int | None, typer.Option(help="histogram: bins of value.")] = None,
    count: Annotated[int | None, typer.Option(help="textons: how many kinds of pixel.")] = None,
    seed: Annotated[int | None, typer.Option(help="noise, textons: repeats the same result.")] = None,
    page: Annotated[
        int | None, typer.Option(min=0, help="Only this page or frame, from 0; all of them if it is not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let OUT take the place of files that are there.")] = False,
    numbers: Annotated[
        bool,
        typer.Option("--numbers", help="texture: 48 numbers; OUT may be .csv, .json, .npy, or nothing: print CSV."),
    ] = False,
    at: Annotated[
        str | None, typer.Option(metavar="X,Y", help="texture --numbers: of this pixel, not of the whole picture.")
    ] = None,
    max_pixels: Annotated[float, typer.Option(min=0.001, max=1e6, help="Largest picture, in megapixels.")] = 200.0,
) -> None:
    """Smooth, disturb, or find edges and textures: classical operators without training.

    * smoothing: gaussian, box, median, bilateral
    * noise: noise
    * any kernel: convolve
    * gradients: gradient, derivative, roberts, prewitt, sobel, scharr, log, dog
    * edges: canny
    * color: histogram
    * texture: texture (the 48 Leung-Malik responses), textons

    Gray stays gray, 16 bits stay 16 bits, and so do alpha, pages and frames, resolution, EXIF (upright) and the color
    profile; what the written format has no room for is said. A folder is written to a folder under the same names, in
    the same formats; what visus does not write (HEIC, AVIF ...) becomes PNG. No file that is there is replaced without
    --force.
    """
    options = {
        "sigma": sigma, "size": size, "tolerance": tolerance, "low": low, "high": high, "thresholds": thresholds,
        "order": order, "angle": angle, "elongation": elongation, "ratio": ratio, "kernel": kernel, "padding": padding,
        "kind": kind, "amount": amount, "peak": peak, "scales": scales, "hues": hues, "saturations": saturations,
        "values": values, "count": count, "seed": seed,
    }  # fmt: skip
    given = {option: value for option, value in options.items() if value is not None}
    if numbers or at is not None:
        if name != "texture" or stages or not numbers or set(given) - {"scales"}:
            raise InputError(
                "--numbers and --at go with texture alone: visus filter texture IN OUT --numbers --at X,Y."
            )
        _numbers(source, target, given.get("scales", "small"), at, round(max_pixels * 1e6), force)
        return
    if target is None:
        raise InputError(f"Name the picture to write, for example: visus filter {name} {source} out.png")
    job = _Job(_bound(name, given), _reach(name, given), stages, page, force, round(max_pixels * 1e6))
    if source.expanduser().is_dir():
        _folder(job, source.expanduser(), target.expanduser())
    else:
        for note in job.run(source.expanduser(), target.expanduser()):
            typer.echo(f"  {note}", err=True)
        typer.echo(f"Wrote {target}", err=True)


def _refuse_taken(place: Path) -> None:
    if place.is_file():
        raise InputError(f"{place} is there already; name another place, or say --force to replace it.")


def _numbers(
    source: Path,
    target: Path | None,
    scales: Any,  # noqa: ANN401
    at: str | None,
    limit: int,
    force: bool,
) -> None:
    """The numbers of a texture: printed, or written, with a picture of the filter that answers most beside them."""
    from visus.filters.texture_numbers import texture_numbers
    from visus.images import read

    if source.expanduser().is_dir():
        raise InputError(f"{source} is a folder; --numbers takes one picture, visus index --descriptor texture many.")
    place, drawn = None if target is None else target.expanduser(), None
    if place is not None:
        ending(place, *_NUMBERS, *PICTURE_ENDINGS, what="OUT")
        drawn = place if place.suffix.lower() in PICTURE_ENDINGS else place.with_suffix(".png")
        for written in () if force else (place, drawn):
            _refuse_taken(written)
        spare(drawn, source, what="OUT")
    picture = read(source.expanduser(), depth=None, max_pixels=limit)
    found = texture_numbers(picture, scales=scales, at=None if at is None else pixel("--at", at))
    if place is None or place.suffix.lower() in PICTURE_ENDINGS:
        typer.echo(found.to_csv(), nl=False)
    else:
        found.save(place)
        typer.echo(f"Wrote {place}", err=True)
    typer.echo(f"Strongest: {found.strongest}", err=True)
    if drawn is not None:
        save_picture(drawn, found.picture)


_NUMBERS = (".csv", ".json", ".npy")


def _bound(name: str, given: dict[str, Any]) -> Callable[["Array"], "Steps"]:
    """The filter with its options, once these are known to be its own."""
    from visus.filters.steps import FILTERS

    function = FILTERS[name]
    taken = list(inspect.signature(function).parameters)[1:]
    if stray := [option for option in given if option not in taken]:
        own = ", ".join(f"--{option}" for option in taken)
        raise InputError(f"{name} does not take --{stray[0]}; it takes {own}.")
    return functools.partial(function, **given)


def _reach(name: str, given: dict[str, Any]) -> int | None:
    from visus.filters.steps import reach_of

    return reach_of(name, given)


@dataclass(frozen=True, slots=True)
class _Job:
    """What is done to every file."""

    steps: Callable[["Array"], "Steps"]
    reach: int | None  # rows above and below that count for one; None for all
    stages: bool
    page: int | None
    force: bool
    max_pixels: int

    def run(self, source: Path, target: Path) -> list[str]:
        """Filter a file; tells what must be said of it."""
        from visus.images import read_bytes
        from visus.images.documents import look, pages_in, write_document
        from visus.images.facts import facts_of, texts_in

        if not self.force:
            _refuse_taken(target)
        in_strips = self._in_strips(source, target)
        if isinstance(in_strips, list):
            return in_strips
        data = read_bytes(source)
        about = look(data, str(source))
        numbers = about.numbers if self.page is None else [self.page]
        said: dict[str, None] = {} if in_strips is None else {in_strips: None}
        if about.container == "JPEG" and (behind := facts_of(data, source.name).frames - about.pages) > 0:
            said[f"{plural(behind, 'further picture')} behind the first left out"] = None
        if self.page is None and about.smaller:
            said[f"{plural(about.smaller, 'smaller or masking page')} left out"] = None
        pages = pages_in(data, str(source), numbers, said=about.said, max_pixels=self.max_pixels)
        done = (self._filtered(page, said) for page in pages)
        left = write_document(target, done, about if self.page is None else about.of_one_page(self.page))
        written = texts_in(read_bytes(target)) if (texts := texts_in(data)) else []
        gone = [f"{name} left out" for name in texts if name not in written]
        return list(said | dict.fromkeys([*left, *gone]))

    def _in_strips(self, source: Path, target: Path) -> list[str] | str | None:
        """Filter a large file strip by strip, and tell what must be said; or why it is decoded whole.

        None where it is small enough that nobody cares.
        """
        from visus.images.strips import CUT_SHORT, LARGE, open_large, pixels_of
        from visus.images.strips_written import change, why_not_to

        if self.page or pixels_of(source) < LARGE:
            return None
        if self.reach is None or self.stages:
            return "decoded whole: all pixels count for this filter"
        large = open_large(source, self.max_pixels)
        why = large if isinstance(large, str) else why_not_to(large, target)
        if isinstance(large, str) or why:
            return f"decoded whole: {why}"
        try:
            return change(large, target, self.reach, lambda rows: self.steps(rows)[-1][1])
        except FormatError:  # decoded as a whole, it is there, or tells what is wrong
            return f"decoded whole: {CUT_SHORT}"

    def _filtered(self, page: "Layers", said: dict[str, None]) -> "Layers":
        """A page after the filter; what the result has no place for is left away."""
        import numpy as np

        from visus.images.samples import Layers

        said |= dict.fromkeys(page.notes)
        result = np.asarray(self._apply(page.colors))
        if result.dtype == page.colors.dtype and result.shape == page.colors.shape:
            return replace(page, colors=result, notes=())
        if page.alpha is not None:
            said["the result has no alpha"] = None
        return Layers(_eight_bits(result) if result.dtype not in (np.uint8, np.uint16) else result)

    def _apply(self, picture: "Array") -> "Array":
        from visus.images import draw

        done = self.steps(picture)
        if not self.stages:
            return done[-1][1]
        shown = [("input", picture), *done]
        return draw.contact_sheet(
            [_rgb8(step) for _, step in shown],
            [title for title, _ in shown],
            columns=min(4, len(shown)) if len(shown) < 12 else 8,
            tile=_SHEET_TILE if len(shown) < 12 else _SHEET_TILE // 2,
        )


def _eight_bits(picture: "Array") -> "Array":
    """A result that is no file's: edges (bool) or floats in [0, 1]."""
    import numpy as np

    return np.rint(np.clip(picture.astype(np.float64), 0, 1) * 255).astype(np.uint8)


def _rgb8(picture: "Array") -> "NDArray[np.uint8]":
    import numpy as np

    from visus.images.color import full_scale, to_rgb

    rgb = to_rgb(picture)
    return np.rint(rgb.astype(np.float32) * (255 / full_scale(rgb.dtype))).astype(np.uint8)


def _folder(job: _Job, source: Path, target: Path) -> None:
    from rich.console import Console
    from rich.progress import track

    from visus.images import is_picture_name

    if target.is_file():
        raise InputError(f"{target} is a file; a folder of pictures is written to a folder.")
    start, end = source.resolve(), target.resolve()
    if start == end and not job.force:
        raise InputError(
            f"{target} is the folder of the pictures themselves; name another folder to write to, or say --force to "
            "overwrite them."
        )
    below = [path for path in source.rglob("*") if is_picture_name(path.name) and path.is_file()]
    # What an earlier run has written below the pictures is not filtered again.
    paths = sorted(path for path in below if not (start in end.parents and end in path.resolve().parents))
    if not paths:
        raise InputError(f"There are no pictures in {source}; name a folder with .jpg, .png ... files.")
    console = Console(file=sys.stderr)
    failures: list[str] = []
    left = 0
    said: Counter[str] = Counter()
    for path, place in track(
        list(zip(paths, _places(paths, source, target), strict=True)),
        description="filtering",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        try:
            if place.exists() and not job.force:
                left += 1
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            said.update([*job.run(path, place), *(["written as PNG"] if place.name != path.name else [])])
        except InputError as error:
            failures.append(str(error))
        except MemoryError:
            failures.append(f"{path} needs more memory than there is; make it smaller or skip it.")
    typer.echo(f"Wrote {plural(len(paths) - len(failures) - left, 'picture')} to {target}", err=True)
    for note, count in said.most_common():
        typer.echo(f"  {plural(count, 'picture')}: {note}", err=True)
    for failure in failures:
        typer.echo(f"  {failure}", err=True)
    ends = [f"{plural(len(failures), 'picture')} of {len(paths)} could not be filtered."] if failures else []
    if left:
        ends.append(
            f"{plural(left, 'file')} that were there already in {target} were left; say --force to replace them."
        )
    if ends:
        raise InputError(" ".join(ends))


def _places(paths: Sequence[Path], source: Path, target: Path) -> list[Path]:
    """Where each picture goes: the same name; what visus does not write gets .png behind it."""
    plain = [(target / path.relative_to(source), _is_written(path)) for path in paths]
    taken = {place for place, is_written in plain if is_written}
    return [place if place in taken else _free(place.with_name(f"{place.name}.png"), taken) for place, _ in plain]


def _is_written(path: Path) -> bool:
    """Whether visus writes the format of a picture's name; not JPEG of more than 8 bits a channel."""
    from visus.images.documents import ENDINGS
    from visus.images.jpeg import is_deep

    kind = ENDINGS.get(path.suffix.lower())
    return kind is not None and not (kind == "JPEG" and is_deep(path))


def _free(place: Path, taken: set[Path]) -> Path:
    """A place that is not taken yet, and is from now on."""
    while place in taken:
        place = place.with_name(f"{place.stem}.png.png")
    taken.add(place)
    return place
