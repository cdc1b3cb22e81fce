"""The picture that a request is about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """The picture that a request is about.

    Attributes:
        upload: A file that it brought; None for none.
        number: Id of a picture in the index; None for none.
    """

    upload: bytes | None = None
    number: int | None = None
