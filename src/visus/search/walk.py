"""Find the picture files below folders."""

import fnmatch
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from visus._errors import InputError
from visus.images import is_picture_name
from visus.images.container import EXTRAS, kind_of_file, readable
from visus.search.filesystems import entry_of


@dataclass(frozen=True, slots=True)
class Found:
    """A picture file as the walk saw it.

    Attributes:
        path: Absolute path, with the root as it was named and no links below it.
        real_path: The path without any links.
        mtime: Time of the last change of the content, in ns since 1970, UTC.
        ctime: Time of the last change of the entry, likewise.
        size: Bytes.
        device: Number of the file system.
        inode: Number of the file there; 0 where such numbers do not last.
    """

    path: str
    real_path: str
    mtime: int
    ctime: int
    size: int
    device: int
    inode: int

    @property
    def seen_as(self) -> tuple[int, int, int, int]:
        """What is the same as long as nobody has touched the file."""
        return self.size, self.mtime, self.ctime, self.inode


@dataclass(frozen=True, slots=True)
class Passed:
    """A file or folder that was passed over.

    Attributes:
        path: Absolute path.
        why: ``"link"`` for one more name of a file that is looked at, ``"broken"`` for a link that leads nowhere,
            ``"kind"`` for a picture that a further package reads, ``"picture"`` for one that must be converted,
            ``"name"`` for what is no picture, ``"junk"`` for the folder of a trash, of somebody's thumbnails, or of
            copies that were put aside.
        what: Its ending, its kind, or its name.
    """

    path: str
    why: str
    what: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be used, and why.

    Attributes:
        path: Absolute path.
        message: One sentence: what, where, the mend.
    """

    path: str
    message: str


def roots_of(
    paths: Sequence[str | os.PathLike[str]], was_there: Callable[[str], bool] = lambda _path: False
) -> list[str]:
    """Absolute forms of the files and folders that a user named.

    Args:
        paths: As they were named.
        was_there: Tells of a path that does not exist whether that is meant.

    Raises:
        InputError: One of them does not exist. (A drive that is not mounted must not look like a deleted folder.)
    """
    roots = []
    for path in paths:
        absolute = os.path.abspath(os.path.expanduser(path))
        if not os.path.exists(absolute) and not was_there(absolute):
            raise InputError(f"{path} does not exist; check the spelling, or whether its drive is mounted.")
        roots.append(absolute)
    return roots


Seen = Found | Failure | Passed
"""What a walk comes across."""

_JUNK = (
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "__macosx",
    "lost+found",
    "#recycle",
)
JOURNAL = "visus-moved.jsonl"
"""The file in a folder of copies that were put aside, which tells where they were."""

_NO_PICTURES = frozenset((
    "txt", "md", "rst", "html", "htm", "css", "js", "ts", "json", "jsonl", "xml", "yaml", "yml", "toml", "ini",
    "cfg", "csv", "tsv", "log", "py", "pyc", "ipynb", "c", "h", "cpp", "rs", "go", "java", "sh", "bat", "exe",
    "dll", "so", "zip", "gz", "bz2", "xz", "7z", "tar", "rar", "iso", "mp3", "wav", "flac", "ogg", "m4a", "mp4",
    "mov", "avi", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt",
    "ods", "pdf", "db", "sqlite", "parquet", "lance", "npy", "npz", "pt", "pth", "onnx", "safetensors", "ckpt",
    "bin", "dat", "lnk", "xmp", "aae", "thm",
))  # fmt: skip
"""Endings of files that are no pictures, which are not opened to find out."""

_NOT_READ = frozenset((
    "cur", "dds", "exr", "hdr", "icns", "ico", "pbm", "pcx", "pfm", "pgm", "pnm", "ppm", "psd", "qoi", "sgi", "svg",
    "tga",
))  # fmt: skip
"""Endings of pictures that visus does not read: each decoder more is one more that hostile files can attack."""


def walk(roots: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[Seen]:
    """Find picture files, in a fixed order, each once.

    Links are followed, but what they lead to is one file, known by its real path and its inode: each is found once,
    under its own name where that lies below the roots. Each folder is entered once, so that loops end. Whether a file
    is a picture is told by its content where its ending does not say so. Hidden files and folders, indexes of visus,
    trash and folders of thumbnails are passed over.

    Args:
        roots: Absolute paths of files and folders. A file that is named is taken whatever its ending.
        exclude: Patterns such as ``*.png`` or ``private/*``: what matches by its name, or by its path below
            the root, is passed over, folders with all that is in them.

    Yields:
        What was found, passed over, or why it cannot be used.
    """
    seen = _Once()
    real = [os.path.realpath(root) for root in roots]
    for root, own in zip(roots, real, strict=True):
        if os.path.isdir(root):
            yield from _walk_folder(root, own, exclude, real, seen)
        elif own not in seen.paths:
            yield seen.once(_look(root, own if os.path.islink(root) else root, own), root)


class _Once:
    """Which folders and files the walk has seen."""

    def __init__(self) -> None:
        self.folders: set[tuple[int, int]] = set()
        self.paths: set[str] = set()
        self.inodes: dict[tuple[int, int], str] = {}

    def once(self, seen: Found | Failure, entry: str) -> Seen:
        """A file, or that it is one more name of another."""
        if isinstance(seen, Failure):
            return seen
        inode = (seen.device, seen.inode)
        if seen.real_path in self.paths or (seen.inode and self.inodes.get(inode, seen.real_path) != seen.real_path):
            return Passed(entry, "link", "")
        self.paths.add(seen.real_path)
        self.inodes[inode] = seen.real_path
        return seen


def _walk_folder(
    root: str, real_root: str, exclude: Sequence[str], reals: Sequence[str], seen: _Once
) -> Iterator[Seen]:
    waiting = [(root, real_root)]
    while waiting:
        current, real = waiting.pop()
        try:
            about = os.stat(current)
            if (about.st_dev, about.st_ino) in seen.folders:
                continue
            seen.folders.add((about.st_dev, about.st_ino))
            with os.scandir(current) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Failure(current, f"{current} cannot be entered ({error.strerror}); change its permissions.")
            continue
        if current != root and any(entry.name == JOURNAL for entry in listed):
            yield Passed(current, "junk", os.path.basename(current))
            continue
        folders = []
        for entry in listed:
            if _hidden(entry.name) or _excluded(entry, root, exclude):
                continue
            own = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real, entry.name)
            if _leads_back(entry, own, reals, exclude):
                if not _is_folder(entry):
                    yield Passed(entry.path, "link", "")
            elif not _is_folder(entry):
                yield from _file(entry, own, seen)
            elif _is_junk(entry.name):
                yield Passed(entry.path, "junk", entry.name)
            else:
                folders.append((own if entry.is_symlink() else entry.path, own))
        waiting.extend(reversed(folders))


def _file(entry: os.DirEntry[str], real: str, seen: _Once) -> Iterator[Seen]:
    if not _is_file(entry):  # a pipe would never end; a broken link is said to be one
        kind = "" if is_picture_name(entry.name) else None
    elif is_picture_name(entry.name):
        kind = "" if entry.name.lower().endswith(_SURE) else kind_of_file(entry.path) or ""
    else:
        kind = None if _ending(entry.name) in _NO_PICTURES else kind_of_file(entry.path)
    ending = _ending(entry.name)
    if kind is None and entry.is_symlink() and not os.path.exists(entry.path):
        yield Passed(entry.path, "broken", "broken link")
    elif kind is None:
        yield Passed(entry.path, "picture" if ending in _NOT_READ else "name", ending)
    elif not readable(kind):
        yield Passed(entry.path, "kind", kind)
    else:
        shown = real if entry.is_symlink() else entry.path
        yield seen.once(_look(entry.path, shown, real), entry.path)


_SURE = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")


def hint(kind: str) -> str:
    """How a kind of picture that was passed over can be read.

    >>> hint("HEIC"), hint("tga")
    ("pip install 'visus[heic]'", 'convert to PNG')
    """
    return f"pip install 'visus[{EXTRAS[kind][1]}]'" if kind in EXTRAS else "convert to PNG"


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower().removeprefix(".")


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.endswith(".visus")


def _is_junk(name: str) -> bool:
    return name.lower() in _JUNK


def _excluded(entry: os.DirEntry[str], root: str, exclude: Sequence[str]) -> bool:
    return _matches(os.path.relpath(entry.path, root), exclude)


def _matches(below: str, exclude: Sequence[str]) -> bool:
    """Whether a path below a root, or its name, is one to pass over."""
    name = os.path.basename(below)
    return any(fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(below, glob) for glob in exclude)


def _leads_back(entry: os.DirEntry[str], real: str, reals: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether an entry is a link to something that is there and that the walk comes to by itself."""
    if not entry.is_symlink() or not os.path.exists(real):
        return False
    return any(_is_reached(real, root, exclude) for root in reals)


def _is_reached(real: str, root: str, exclude: Sequence[str]) -> bool:
    """Whether a walk of a root comes to a real path: nothing on the way is passed over."""
    if real == root:
        return True
    if not real.startswith(os.path.join(root, "")):
        return False
    parts = os.path.relpath(real, root).split(os.sep)
    passed = any(_hidden(part) or _is_junk(part) for part in parts)
    below = [os.sep.join(parts[: k + 1]) for k in range(len(parts))]
    aside = any(os.path.exists(os.path.join(root, path, JOURNAL)) for path in below[:-1])
    return not passed and not aside and not any(_matches(path, exclude) for path in below)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle of links
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link in a circle of links
        return False


def _look(path: str, shown: str, real: str) -> Found | Failure:
    try:
        for own in (path, shown, real):
            own.encode("utf-8")
    except UnicodeEncodeError:
        name = real.encode("utf-8", "backslashreplace").decode()
        return Failure(name, f"{name} has a name that is not UTF-8; rename it.")
    try:
        about = os.stat(path)
    except OSError as error:
        return Failure(path, f"{path} cannot be found ({error.strerror}); if it is a link, mend or delete it.")
    if not stat.S_ISREG(about.st_mode):
        return Failure(path, f"{path} is not a regular file; delete it or exclude it.")
    return Found(shown, real, *entry_of(about))
