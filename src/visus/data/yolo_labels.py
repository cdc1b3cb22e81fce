"""Where the labels of a picture lie in YOLO's layouts, whatever the case and however the folders are called.

``images/.../NAME.jpg`` has its objects in ``labels/.../NAME.txt``, ``train/NAME.jpg`` in ``labels/train/NAME.txt``,
``train_images/NAME.jpg`` in ``train_labels/NAME.txt``, any other ``NAME.jpg`` in ``NAME.txt`` next to it.
"""

from pathlib import Path

from visus.data.layout_words import BOXES, PICTURES, labels_of
from visus.data.splits import files_in, folders_in, split_of


class LabelFinder:
    """Finds the files of labels in a data set; each folder is listed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[Path, list[Path]] = {}
        self._texts: dict[Path, dict[str, Path]] = {}
        self._places_of: dict[Path, list[Path]] = {}

    def find(self, picture: Path) -> Path:
        """The labels of a picture; where they would be if they are not there."""
        home = picture.parent
        if home not in self._places_of:
            self._places_of[home] = self._places(home)
        places = self._places_of[home]
        for folder in places:
            if found := self._files(folder).get(picture.stem):
                return found
        return next((own for own in places if own.is_dir()), home) / f"{picture.stem}.txt"

    def texts(self, folder: Path) -> list[Path]:
        """The text files in a folder."""
        return list(self._files(folder).values())

    def _places(self, folder: Path) -> list[Path]:
        """The folders that may hold the labels of the pictures in one, the likeliest first."""
        if not folder.is_relative_to(self.root):
            return [folder]
        parts = folder.relative_to(self.root).parts
        places = []
        for k in range(len(parts) - 1, -1, -1):
            above, rest = self.root.joinpath(*parts[:k]), parts[k + 1 :]
            beside = self._inside(above)
            if parts[k].lower() in PICTURES:
                places += [own.joinpath(*rest) for own in beside if own.name.lower() in BOXES]
            places += [own.joinpath(*rest) for own in beside if _is_labels_of(own.name, parts[k])]
            places += [own.joinpath(*parts[k:]) for own in beside if own.name.lower() in BOXES]
        return [*places, folder]

    def _inside(self, folder: Path) -> list[Path]:
        if folder not in self._folders:
            self._folders[folder] = folders_in(folder) if folder.is_dir() else []
        return self._folders[folder]

    def _files(self, folder: Path) -> dict[str, Path]:
        if folder not in self._texts:
            found = files_in(folder) if folder.is_dir() else []
            self._texts[folder] = {own.stem: own for own in found if own.suffix.lower() == ".txt"}
        return self._texts[folder]


def _is_labels_of(name: str, pictures: str) -> bool:
    """Whether a folder is called for the labels of another: ``train_labels`` of ``train_images`` or ``train``."""
    of = labels_of(name)
    return of is not None and (of == pictures.lower() or (split_of(of) or "-") == split_of(pictures))
