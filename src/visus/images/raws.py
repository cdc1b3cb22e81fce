"""Where cameras put EXIF into their raw files."""

from collections.abc import Iterator

from visus.images.jpeg import exif_in, segments

_TIFF = {b"II": b"II*\x00", b"MM": b"MM\x00*"}  # how TIFF begins in either order
_FUJI, _PLACE, _LENGTH = b"FUJIFILMCCD-RAW", slice(84, 88), slice(88, 92)  # of the preview
_BOXES = (b"CMT1", b"CMT2")  # of Canon, in files like those of video: the camera, and EXIF
_HEAD = 1 << 16  # bytes of a file in which these boxes are


def exif_blocks(data: bytes) -> Iterator[bytes]:
    """The blocks of EXIF of a raw file, each as a file of TIFF; none where they are elsewhere.

    Most raw files are TIFF; those of Olympus and Panasonic are, but for their third and fourth byte.

    Args:
        data: The content of the file.
    """
    if data.startswith(_FUJI):
        place, length = (int.from_bytes(data[part], "big") for part in (_PLACE, _LENGTH))
        yield exif_in(segments(data[place : place + length]))
    elif data[4:8] == b"ftyp":
        for box in _BOXES:
            if (found := data.find(box, 0, _HEAD)) >= 0:
                yield data[found + 4 : found + _HEAD]
    elif data[:2] in _TIFF:
        yield _TIFF[data[:2]] + data[4:]
