# pyright: reportMissingImports=false
"""What readers of medical pictures make of a volume and its mask: run in an environment of their own, without visus.

    python volume_readers.py VOLUME MASK    prints for each reader the corners of both in mm, and the middle of the mask

The packages are those of :data:`PACKAGES`, beside torch, nibabel and SimpleITK.
"""

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKAGES = ("monai==1.6.1", "itk==5.4.7", "torchio==1.2.1")

Read = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Values ``(x, y, z)`` and the matrix to mm."""


def monai(reader: str) -> Callable[[str], Read]:
    """MONAI's image with one of its readers; its matrix points to the right, the front and the head."""

    def read(path: str) -> Read:
        from monai.transforms import LoadImage

        image = LoadImage(reader=reader, image_only=True)(path)
        return np.asarray(image, np.float64), np.asarray(image.affine, np.float64)

    return read


def torchio(kind: str) -> Callable[[str], Read]:
    """Torchio's image."""

    def read(path: str) -> Read:
        import torchio

        image = getattr(torchio, kind)(path)
        return np.asarray(image.data[0], np.float64), np.asarray(image.affine, np.float64)

    return read


READERS: dict[str, tuple[Callable[[str], Read], Callable[[str], Read]]] = {
    "MONAI, nibabel": (monai("NibabelReader"), monai("NibabelReader")),
    "MONAI, ITK": (monai("ITKReader"), monai("ITKReader")),
    "torchio": (torchio("ScalarImage"), torchio("LabelMap")),
}


def place(values: NDArray[np.float64], matrix: NDArray[np.float64]) -> dict[str, Any]:
    """Where the corners of a volume lie, and the middle of what is not 0."""
    ends = [(0, count - 1) for count in values.shape]
    corners = [[x, y, z, 1] for x in ends[0] for y in ends[1] for z in ends[2]]
    middle = [*np.argwhere(values > 0).mean(axis=0), 1]
    return {"corners": (np.array(corners) @ matrix.T)[:, :3].tolist(), "middle": (matrix @ middle)[:3].tolist()}


def main() -> None:
    """Print what each reader makes of both files."""
    warnings.simplefilter("ignore")
    volume, mask = sys.argv[1:]
    print(json.dumps({name: [place(*image(volume)), place(*label(mask))] for name, (image, label) in READERS.items()}))


if __name__ == "__main__":
    main()
