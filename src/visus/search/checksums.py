"""What tells the sound files of an index from damaged ones: a checksum of each, written after each commit.

``checksums/`` beside the table has one small file for each version of the table. It names every file that the version
is made of, with its size and BLAKE2b-128, and is written when all of them are on the disk. A version counts from then
on. One without checksums is what a process left that was stopped in between; one whose manifest has other bytes than
noted is damaged. Readers take the newest version that is sound. All rows hang on the manifest, which is small: a copy
of it is written beside the checksums, after them. A copy that is there alone says that its checksums were lost.
"""

import errno
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import lance

from visus.search.files import Digest, Files

FOLDER = "checksums"
TABLE = "pictures.lance"
_VERSIONS = f"{TABLE}/_versions"
_NOT_FOR_ROWS = (f"{TABLE}/_transactions/", f"{TABLE}/_indices/", "codes/", "space-")  # it can be read without
_LARGEST = (1 << 64) - 1  # the library names manifests by their distance from it, so that the newest comes first


@dataclass(frozen=True, slots=True)
class Checksums:
    """The files of one version of an index.

    Attributes:
        version: Of the table.
        files: Size and checksum of each file, by its name below the index's folder.
    """

    version: int
    files: Mapping[str, Digest]

    @property
    def name(self) -> str:
        """The file that holds them."""
        return f"{FOLDER}/{self.version}.json"

    def without(self, names: Collection[str]) -> "Checksums":
        """The same, but for some files, which have been written anew."""
        return Checksums(self.version, {name: own for name, own in self.files.items() if name not in names})

    def to_bytes(self) -> bytes:
        """As a file: one line of JSON, and one with its own checksum."""
        line = json.dumps({"version": self.version, "files": self.files}).encode()
        return line + b"\n" + _own(line) + b"\n"


def parse(content: bytes) -> Checksums:
    """Checksums from the bytes of their file.

    Raises:
        ValueError: The file is not whole.
    """
    line, own = content.split(b"\n")[:2]
    if own != _own(line):
        raise ValueError("the file of checksums is damaged")
    values = json.loads(line)
    return Checksums(values["version"], {name: (size, digest) for name, (size, digest) in values["files"].items()})


def _own(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).hexdigest().encode()


def noted(files: Files) -> list[int]:
    """Versions that counted, newest first: they have a file of checksums, or the copy that was written after it."""
    parts = (name.rpartition(".") for name in files.names(FOLDER))
    return sorted(
        {int(name) for name, _, end in parts if end in ("json", "manifest") and name.isdecimal()}, reverse=True
    )


def manifests(files: Files) -> dict[int, str]:
    """Names of the table's manifests by their version, newest first."""
    found = {}
    for name in files.names(_VERSIONS):
        number = name.removesuffix(".manifest")
        if name.endswith(".manifest") and number.isdecimal():
            far = len(number) == 20  # older tables name them by the version itself
            found[_LARGEST - int(number) if far else int(number)] = f"{_VERSIONS}/{name}"
    return dict(sorted(found.items(), reverse=True))


def load(files: Files, version: int) -> Checksums | None:
    """The checksums of a version, if its manifest is sound.

    Args:
        files: Of the index.
        version: Of the table.
    """
    known = parsed(files, version)
    manifest = manifests(files).get(version)
    sound = known is not None and manifest is not None and _is(files, manifest, known.files.get(manifest))
    return known if sound else None


def lost(files: Files, sums: Checksums) -> set[str]:
    """Names of the files of a version's rows that are missing or of another size: a glance, which reads none."""
    return {name for name in sums.files if not name.startswith(_NOT_FOR_ROWS) and is_resized(files, sums, name)}


def is_resized(files: Files, sums: Checksums, name: str) -> bool:
    """Whether a file of a version is missing or of another size, as far as one can tell without reading it."""
    return files.size(name) not in (None, sums.files[name][0])


def parsed(files: Files, version: int) -> Checksums | None:
    """The checksums of a version as they were noted; None where they cannot be read."""
    try:
        return parse(files.read(f"{FOLDER}/{version}.json"))
    except (OSError, ValueError, KeyError):
        return None


def write(files: Files, table: lance.LanceDataset, before: Checksums | None, others: Iterable[str] = ()) -> Checksums:
    """Make a version count: see that its files are on the disk, and note their checksums.

    Args:
        files: Of the index.
        table: The table at that version.
        before: Checksums of an earlier version; files that are named there are not read again.
        others: Further files of the index that belong to the version.

    Raises:
        OSError: The disk fails, or a file is shorter than it was written.
    """
    known = before.files if before else {}
    sizes = {**dict(_parts(files, table)), **dict.fromkeys(others)}
    files.sync(name for name in sizes if name not in known)
    sums = Checksums(table.version, {name: known.get(name) or files.digest(name) for name in sizes})
    for name, (size, _) in sums.files.items():
        if sizes[name] not in (None, size):
            raise OSError(errno.EIO, f"{name} has {size} bytes in place of {sizes[name]}")
    read_deletions(table, known)
    files.write(sums.name, sums.to_bytes())
    keep_copy(files, table.version)
    return sums


def keep_copy(files: Files, version: int) -> None:
    """Write the copy of a version's manifest.

    Raises:
        OSError: The disk fails.
    """
    files.write(copy_of(version), files.read(manifests(files)[version]))


def copy_of(version: int) -> str:
    """The file with a copy of a version's manifest."""
    return f"{FOLDER}/{version}.manifest"


def restore(files: Files) -> list[int]:
    """Write manifests that are damaged or missing anew from their copies; tells of which versions, newest first.

    Args:
        files: Of the index.

    Raises:
        OSError: They cannot be written.
    """
    there, restored = manifests(files), []
    for version in noted(files):
        known = parsed(files, version)
        name = there.get(version) or (known and _manifest_in(known))
        if known is None or name is None or _is(files, name, known.files.get(name)):
            continue
        if _is(files, copy_of(version), known.files.get(name)):
            files.write(name, files.read(copy_of(version)))
            restored.append(version)
    return restored


def _manifest_in(sums: Checksums) -> str | None:
    return next((name for name in sums.files if name.startswith(f"{_VERSIONS}/")), None)


def _is(files: Files, name: str, digest: Digest | None) -> bool:
    """Whether a file is there and has a checksum.

    Raises:
        PermissionError: It may not be read, which says nothing about what it holds.
    """
    try:
        return files.digest(name) == digest
    except PermissionError:
        raise
    except OSError:
        return False


def remove(files: Files, version: int) -> None:
    """Remove the checksums of a version and the copy of its manifest."""
    for name in (f"{FOLDER}/{version}.json", copy_of(version)):
        files.remove(name)


def look_at_sizes(files: Files, table: lance.LanceDataset, known: Collection[str] = ()) -> None:
    """See that the files of a version are as long as they were written.

    Args:
        files: Of the index.
        table: The table at that version.
        known: Names of files that were looked at before.

    Raises:
        OSError: One is shorter: the disk took a part of it only.
    """
    for name, size in _parts(files, table):
        found = files.size(name) if size is not None and name not in known else None
        if found not in (None, size):
            raise OSError(errno.EIO, f"{name} has {found} bytes in place of {size}")


def read_deletions(table: lance.LanceDataset, known: Collection[str] = ()) -> None:
    """Read which rows of a table are deleted: the table notes how many there are, and no size of the files.

    Args:
        table: The table at a version; its files are read anew, whatever is held in memory.
        known: Names of files that are sound.

    Raises:
        OSError: Such a file is shorter than it was written.
    """
    fresh = lance.dataset(table.uri, version=table.version, session=lance.Session())  # pyright: ignore[reportPrivateImportUsage]
    for fragment in fresh.get_fragments():
        about = fragment.metadata
        if about.deletion_file is not None and f"{TABLE}/{about.deletion_file.path(about.id)}" not in known:
            fragment.count_rows("id IS NOT NULL")


def _parts(files: Files, table: lance.LanceDataset) -> Iterator[tuple[str, int | None]]:
    """The files that a version of the table is made of, with their sizes where the table notes them."""
    yield manifests(files)[table.version], None
    transaction = table.read_transaction(table.version)
    if transaction is not None:
        yield f"{TABLE}/_transactions/{transaction.read_version}-{transaction.uuid}.txn", None
    for fragment in table.get_fragments():
        yield from parts_of(fragment)
    for index in table.describe_indices():
        for segment in index.segments:
            yield from ((name, None) for name in files.below(f"{TABLE}/_indices/{segment.uuid}"))


def parts_of(fragment: lance.LanceFragment) -> Iterator[tuple[str, int | None]]:
    """The files that the rows of a fragment are made of, with their sizes where the table notes them."""
    about = fragment.metadata
    for file in about.files:
        yield f"{TABLE}/data/{file.path}", file.file_size_bytes
    if about.deletion_file is not None:
        yield f"{TABLE}/{about.deletion_file.path(about.id)}", None


def rows_in(fragment: lance.LanceFragment) -> int:
    """Rows of a fragment that are not deleted, as the manifest counts them: no other file is read."""
    deleted = fragment.metadata.deletion_file
    return fragment.physical_rows - (deleted.num_deleted_rows or 0 if deleted else 0)


def forget(files: Files) -> None:
    """Remove the checksums of versions that are no longer there."""
    there = manifests(files)
    for version in noted(files):
        if version not in there:
            remove(files, version)


def damaged(files: Files, sums: Checksums) -> Iterator[tuple[str, bool]]:
    """Read every file of a version, and tell of each whether it is damaged or missing.

    Raises:
        PermissionError: One may not be read.
    """
    for name, digest in sums.files.items():
        yield name, not _is(files, name, digest)
    manifest = _manifest_in(sums)
    if manifest and copy_of(sums.version).removeprefix(f"{FOLDER}/") in files.names(FOLDER):
        yield copy_of(sums.version), not _is(files, copy_of(sums.version), sums.files[manifest])
