"""The class of each position of a picture or volume, and how it is asked for, whatever answers: network or graph."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus._memory import give_back
from visus._optional import require
from visus.graphs.blocks import Block, Sides
from visus.graphs.masks import labels
from visus.images import is_picture_name, write
from visus.images.check import colors_of
from visus.images.io import is_volume_name
from visus.images.on_disk import is_on_disk, let_go, on_disk
from visus.images.result import Result
from visus.images.strips import read_large
from visus.images.wide import read_wide
from visus.runs.answers import Unreadable, one_by_one
from visus.runs.segment.mask_files import counts, features, over, write_contours, write_indexed, write_overlay
from visus.runs.supervision import around, detections

Tell = Callable[[int, int], None]

_ALPHA = 0.5  # weight of the classes over a picture


def _volumes() -> ModuleType:
    """What reads volumes, with packages of the train half."""
    return require("visus.data.volumes")


@dataclass(frozen=True, slots=True, repr=False)
class MaskPrediction(Result):
    """The class of each position of a picture or volume.

    Attributes:
        path: The file, or ``""`` for an array.
        mask: ``(H, W)`` or ``(D, H, W)`` uint8, positions in the classes.
        classes: Their names.
        palette: ``(classes, 3)`` uint8.
        picture: ``(H, W, 3)`` uint8, or the volume ``(D, H, W)`` float32. Of a large picture that was read in strips,
            it and the mask lie on the disk (see :mod:`visus.images.on_disk`).
        notes: What must be said: why a large picture was decoded as a whole.
    """

    path: str
    mask: NDArray[np.uint8]
    classes: tuple[str, ...]
    palette: NDArray[np.uint8]
    picture: NDArray[Any]
    notes: tuple[str, ...] = ()

    def shares(self) -> dict[str, float]:
        """Which share of the positions each class has, for those that are there."""
        found = counts(self.mask)[: len(self.classes)]
        return {name: int(n) / self.mask.size for name, n in zip(self.classes, found, strict=True) if n}

    def overlay(self, *, alpha: float = _ALPHA) -> NDArray[np.uint8]:
        """The colors of the classes over the picture, or over the middle slice of a volume, ``(H, W, 3)`` uint8."""
        picture, mask = self.picture, self.mask
        if mask.ndim == 3:
            middle = len(mask) // 2
            mask, slice_ = mask[middle], as_bytes(picture)[middle]
            picture = np.repeat(slice_[..., None], 3, axis=2)
        return over(picture, mask, self.palette, alpha)

    def contours(self) -> dict[str, Any]:
        """The borders of all regions as a GeoJSON feature collection of polygons, in pixels (x, y), with holes.

        Raises:
            InputError: It is a volume.
        """
        if self.mask.ndim != 2:
            raise InputError("A volume has no contours; write its mask.")
        return {"type": "FeatureCollection", "features": list(features(self.mask, self.classes))}

    def to_supervision(self) -> Any:  # noqa: ANN401 - supervision.Detections, imported at use
        """Each class that is there as one of ``supervision.Detections``: its mask, and the box around it.

        Raises:
            InputError: It is a volume.
            DependencyError: supervision is not installed.
        """
        if self.mask.ndim != 2:
            raise InputError("supervision takes pictures, no volumes; write the mask.")
        labels = np.unique(self.mask)
        masks = self.mask == labels[:, None, None]  # (classes, H, W)
        return detections(around(masks), labels, self.classes, masks=masks)

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in self.shares().items())
        return f"MaskPrediction({self.path!r}, {shares})"

    def drawn(self) -> NDArray[np.uint8] | None:
        """The overlay, ``(H, W, 3)`` uint8."""
        return self.overlay()

    def rows(self) -> list[dict[str, Any]]:
        """One row a class that is there, with its share of the positions."""
        return [{"file": self.path, "class": name, "share": share} for name, share in self.shares().items()]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON: the file and the shares of the classes."""
        found = {"file": self.path, "shares": {name: round(share, 6) for name, share in self.shares().items()}}
        return {**found, "notes": list(self.notes)} if self.notes else found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what the ending of the name says.

        ``.png`` the mask in indexed colors, ``.jpg`` the overlay, ``.json`` the contours, ``.nii.gz`` the mask of a
        volume that came from a file.

        Raises:
            InputError: The ending is another, or the place cannot be written.
        """
        place = Path(path)
        try:
            if self.mask.ndim == 3 and self.path and is_volume_name(place.name):
                _volumes().write_volume(place, self.mask, self.path)
            elif place.suffix.lower() in (".jpg", ".jpeg") and self.mask.ndim == 2:
                write_overlay(place, self.picture, self.mask, self.palette, alpha=_ALPHA)
            elif place.suffix.lower() in (".jpg", ".jpeg"):
                write(place, self.overlay())
            elif place.suffix.lower() == ".png" and self.mask.ndim == 2:
                write_indexed(place, self.mask, self.palette)
            elif place.suffix.lower() == ".json" and self.mask.ndim == 2:
                write_contours(place, self.mask, self.classes)
            else:
                kinds = ".nii.gz or .jpg" if self.mask.ndim == 3 else ".png (mask), .jpg (overlay) or .json (contours)"
                raise InputError(f"{place} must end in {kinds}.")
        except OSError as error:
            raise InputError(f"{place} cannot be written ({error.strerror}); choose another place.") from error


def as_bytes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture ``(H, W, 3)`` uint8 as it is; a volume ``(D, H, W)`` float with its values spread from 0 to 255."""
    if picture.dtype == np.uint8:
        return picture
    low, high = np.percentile(picture, (0.5, 99.5))
    return np.clip((picture - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)


def _room_beside(picture: NDArray[Any], size: tuple[int, ...]) -> NDArray[np.uint8]:
    """Room for the mask of a picture or volume: on the disk, where the picture lies there."""
    if not is_on_disk(picture):
        return np.empty(size, np.uint8)
    return on_disk((np.zeros(size[1:], np.uint8) for _ in range(size[0])), size)


class MaskPredictor(ABC):
    """What gives each position a class: a network, or its graph.

    A picture is answered block by block, each seen with what surrounds it, so that memory does not grow with its size
    beyond the picture and its mask, and not at all where these lie on the disk.

    Attributes:
        classes: Names of the classes.
        palette: A color for each, red, green, blue.
        window: Spatial size of the windows that the network was trained on.
        spacing: Millimeters between the voxels of its volumes, where these were resampled.
        sides: Which sizes the network takes.
        threshold: Of two classes: above which probability of the second a position is of it.
    """

    classes: tuple[str, ...]
    palette: Sequence[Sequence[int]]
    window: tuple[int, ...]
    spacing: tuple[float, float, float] | None
    sides: Sides
    threshold: float = 0.5

    @abstractmethod
    def probabilities(self, picture: NDArray[Any], shown: NDArray[Any] | None = None) -> NDArray[np.float32]:
        """The answers to a picture that fits into memory, ``(classes, *spatial)`` float32, which sum to 1.

        Args:
            picture: A picture, a volume, or a part of one.
            shown: The same with values from 0 to 255, as all of it has them; None to take them from the part alone.
        """

    def _shown(self, values: NDArray[Any]) -> NDArray[Any]:
        """What is handed on beside a picture."""
        return values

    @property
    def axes(self) -> int:
        """2 for pictures, 3 for volumes."""
        return len(self.window)

    def takes(self, name: str) -> bool:
        """Whether a file of a folder is one to answer, by its name."""
        return is_volume_name(name) if self.axes == 3 else is_picture_name(name)

    def read(self, path: str | os.PathLike[str]) -> NDArray[Any]:
        """The picture ``(H, W, 3)`` uint8, or the volume ``(D, H, W)`` float32, of a file, resampled where need be.

        A large picture lies on the disk where its file can be read in strips.

        Raises:
            InputError: It is missing or damaged, or of the other kind.
        """
        return self._read(path)[0]

    def _read(self, path: str | os.PathLike[str]) -> tuple[NDArray[Any], tuple[str, ...]]:
        """The picture or volume, and what must be said of it."""
        name = os.fspath(path)
        if (is_volume_name(name) or Path(name).is_dir()) != (self.axes == 3):
            wanted = "volumes (.nii.gz, .nrrd, .mha, a folder of DICOM slices)" if self.axes == 3 else "pictures"
            raise InputError(f"{name} is not what the network takes: {wanted}.")
        if self.axes == 3:
            return _volumes().read_volume(name, self.spacing), ()
        large = read_large(Path(name))
        if isinstance(large, np.ndarray):
            return large, ()
        return read_wide(name), (f"decoded whole: {large}",) if large else ()

    def predict(self, picture: str | os.PathLike[str] | NDArray[Any], progress: Tell | None = None) -> MaskPrediction:
        """The class of each position.

        Args:
            picture: A file, ``(H, W, 3)`` uint8, or ``(D, H, W)`` float with the spacing of the training.
            progress: Told how many blocks are done, of how many.

        Raises:
            InputError: The file is missing or damaged.
        """
        name = "" if isinstance(picture, np.ndarray) else os.fspath(picture)
        values, notes = (picture, ()) if isinstance(picture, np.ndarray) else self._read(picture)
        if self.axes == 2:
            colors_of(values)
        elif values.ndim != 3 or not values.size:
            raise InputError(f"A volume must be (D, H, W) float32, not {values.shape} {values.dtype}.")
        mask = _room_beside(values, values.shape[: self.axes])
        for block, answers in self.blockwise(values, progress):
            mask[block.place] = labels(answers, self.threshold)
            let_go(mask)
        palette = np.array(self.palette, np.uint8)
        if name and self.spacing:  # back to the voxels of the file
            values = _volumes().read_volume(name)
            resample_mask, spacing = require("visus.data.resample").resample_mask, _volumes().read_spacing(name)
            mask = resample_mask(mask, self.spacing[::-1], spacing, shape=values.shape)
        return MaskPrediction(name, mask, self.classes, palette, values, notes)

    def blockwise(
        self, values: NDArray[Any], progress: Tell | None = None
    ) -> Iterator[tuple[Block, NDArray[np.float32]]]:
        """The blocks of a picture, and the answers to each, ``(classes, *spatial)`` float32 without its surroundings.

        Args:
            values: What :meth:`read` gives.
            progress: Told how many blocks are done, of how many.
        """
        shown = self._shown(values)
        cut = self.sides.blocks(values.shape[: self.axes], self.window)
        for done, block in enumerate(cut, 1):
            answers = self.probabilities(np.asarray(values[block.window]), np.asarray(shown[block.window]))
            if is_on_disk(values):
                let_go(values)
                give_back()
            yield block, answers[(slice(None), *block.inner)]
            if progress:
                progress(done, len(cut))

    def predict_many(
        self, pictures: Iterable[str | os.PathLike[str] | NDArray[Any]]
    ) -> Iterator[MaskPrediction | Unreadable]:
        """The answers to many pictures ``(H, W, 3)`` uint8 or volumes; what cannot be read is told in its place."""
        return one_by_one(self.predict, pictures)
