"""Text files of other people's tools: UTF-8, UTF-16, or what a Chinese Windows writes; told apart by their bytes."""

from pathlib import Path

from visus._errors import FormatError
from visus.data.left_out import Notes

_UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_START = 1024
_HALF = 0.4  # of the bytes of UTF-16 that are 0 where text is Latin


def decoded(content: bytes) -> tuple[str, str]:
    """The text of a file, and its coding: ``utf-8``, ``utf-16`` or ``gb18030``.

    Raises:
        ValueError: It is none of these.

    >>> decoded("红".encode("gbk"))
    ('红', 'gb18030')
    """
    if content[:2] in _UTF_16:
        return content.decode("utf-16"), "utf-16"
    start = content[:_START]
    for parity, coding in ((1, "utf-16-le"), (0, "utf-16-be")):  # without its mark
        if len(start) > 3 and start[parity::2].count(0) >= _HALF * len(start) and not start[1 - parity :: 2].count(0):
            return content.decode(coding), "utf-16"
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        pass
    text = content.decode("gb18030")
    foreign = [letter for letter in text if ord(letter) > 127]
    if sum(map(_is_usual, foreign)) < 0.5 * len(foreign):  # Western letters come out as rare signs
        raise ValueError("its letters are those of another coding")
    return text, "gb18030"


def _is_usual(letter: str) -> bool:
    """Whether a letter is one of the 6,763 that Chinese text is made of, or a sign among them."""
    try:
        letter.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def text_of(path: Path, notes: Notes | None = None) -> str:
    """The text of a file.

    Args:
        path: The file.
        notes: Told where the coding is guessed.

    Raises:
        FormatError: It cannot be read, or its coding is another.
    """
    try:
        text, coding = decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is neither UTF-8, UTF-16 nor GB 18030"
        raise FormatError(f"{path} cannot be read as text ({reason}); save it in UTF-8.") from error
    if notes and coding == "gb18030":
        said = f"{path.name} is not in UTF-8 and was read as GB 18030."
        notes.remarks += [said] if said not in notes.remarks else []
    return text
