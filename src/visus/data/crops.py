"""Pictures with one object each, for a network that answers with one class and one box."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.boxes import Boxed, BoxSet, Objects
from visus.data.check import digest_of
from visus.images.wide import read_wide

Window = tuple[int, int, int, int]
_TRIES = 20
_SEEN = 0.1  # of another object, in a window
_LEAST_ROOM = 0.2


@dataclass(frozen=True, slots=True)
class Crops(Boxed):
    """Windows of pictures, each with its objects in the window's own coordinates.

    Attributes:
        windows: For each its left, upper, right and lower edge, in whole pixels.
    """

    windows: list[Window] = field(default_factory=list)

    def read(self, place: int) -> tuple[NDArray[np.uint8], Objects]:
        """A window ``(H, W, 3)`` uint8 and its objects.

        Raises:
            InputError: The picture that it is cut from cannot be read.
        """
        x0, y0, x1, y1 = self.windows[place]
        return np.ascontiguousarray(read_wide(self.files[place])[y0:y1, x0:x1]), self.objects[place]

    def take(self, places: NDArray[np.integer]) -> "Crops":
        """The windows at some places, with their objects.

        Args:
            places: ``(m,)`` integer positions, in the order that is wanted.
        """
        kept = places.tolist()
        return Crops([self.files[k] for k in kept], [self.objects[k] for k in kept], [self.windows[k] for k in kept])


def single(dataset: BoxSet) -> BoxSet:
    """The pictures with exactly one object that is no crowd; how many others there were is said.

    Raises:
        InputError: A split has none.
    """
    splits, digests, lost = {}, {}, 0
    for name, pictures in dataset.splits.items():
        places = np.array([k for k, own in enumerate(pictures.objects) if (~own.crowd).sum() == 1], np.int64)
        lost += len(pictures) - len(places)
        if len(places):
            splits[name] = pictures.take(places)
            digests[name] = [dataset.digests[name][k] for k in places.tolist()]
        if not len(places) and name != "test":
            raise InputError(
                f"No picture of the split {name} of {dataset.root} has exactly one object; say --crops to cut the "
                "objects out, or train a detector."
            )
    remark = [f"Left out, since they have not exactly one object: {lost:,} pictures."] if lost else []
    return replace(dataset, splits=splits, digests=digests, remarks=[*dataset.remarks, *remark])


def crops(dataset: BoxSet, *, room: float = 2.0, seed: int = 0) -> BoxSet:
    """Every object cut out on its own, with some of what is around it.

    A window is up to ``1 + room`` times as wide and as high as its object, which lies in it at random, and shows at
    most a tenth of any other object; an object without such a window is left out, and counted in a remark.

    Args:
        dataset: Pictures with objects.
        room: Around an object, in its own sides.
        seed: Of the windows.

    Raises:
        InputError: No object of a split can be cut out.
    """
    random, lost = np.random.default_rng(seed), 0
    splits, digests = {}, {}
    for name, pictures in dataset.splits.items():
        found = Crops([], [])
        digests[name] = []
        for place, own in enumerate(pictures.objects):
            size = read_wide(pictures.files[place]).shape[:2] if len(own) else (0, 0)
            for k in np.flatnonzero(~own.crowd).tolist():
                window = _window(own, k, size, room, random)
                if window is None:
                    lost += 1
                    continue
                alone = own.take([k])
                shifted = alone.boxes - np.array([window[0], window[1]] * 2, np.float32)
                found.files.append(pictures.files[place])
                found.objects.append(replace(alone, boxes=shifted, shapes=[None]))
                found.windows.append(window)
                window_bytes = np.array(window, np.int64).tobytes()
                digests[name].append(digest_of(dataset.digests[name][place] + window_bytes))
        if not len(found):
            raise InputError(f"No object of the split {name} of {dataset.root} can be cut out alone.")
        splits[name] = found
    remark = [f"Left out, since another object is too near: {lost:,} objects."] if lost else []
    form = f"{dataset.form}, each object cut out"
    return replace(dataset, form=form, splits=splits, digests=digests, remarks=[*dataset.remarks, *remark])


def _window(own: Objects, k: int, size: Sequence[int], room: float, random: np.random.Generator) -> Window | None:
    """A window around object ``k`` that shows little of the others."""
    edge = np.array([size[1], size[0]])
    low, high = own.boxes[k, :2], own.boxes[k, 2:]
    others = np.delete(own.boxes, k, axis=0)
    for done in range(_TRIES):
        most = room * (1 - done / _TRIES)  # less and less room, until the others are out of sight
        sides = np.minimum((1 + random.uniform(min(_LEAST_ROOM, most), most, 2)) * (high - low), edge)
        start = random.uniform(np.maximum(0, high - sides), np.minimum(low, edge - sides) + 1e-6)
        first = np.floor(np.minimum(start, low)).astype(int)
        last = np.minimum(np.ceil(np.maximum(start + sides, high)), edge).astype(int)
        shown = np.clip(np.minimum(others[:, 2:], last) - np.maximum(others[:, :2], first), 0, None).prod(1)
        if (shown <= _SEEN * (others[:, 2:] - others[:, :2]).prod(1)).all():
            return int(first[0]), int(first[1]), int(last[0]), int(last[1])
    return None
