"""What the files of an index are called on the web."""

from visus.images.container import FIRST, kind_of

_MEDIA = {
    "JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp", "TIFF": "image/tiff",
    "BMP": "image/bmp", "AVIF": "image/avif", "HEIC": "image/heic", "JPEG2000": "image/jp2", "JXL": "image/jxl",
}  # fmt: skip
_ANY = "application/octet-stream"
MEDIA = (*_MEDIA.values(), _ANY)
"""What the files of an index may be called on the web."""


def media_type(data: bytes) -> str:
    """What the content of a picture file is called on the web.

    >>> media_type(b"GIF89a"), media_type(b"?")
    ('image/gif', 'application/octet-stream')
    """
    return _MEDIA.get(kind_of(data[:FIRST]) or "", _ANY)
