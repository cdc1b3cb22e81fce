"""What the routes have in common: fields of forms, and the service that does the work."""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import anyio
from fastapi import Depends, File, Form, Path, Request, UploadFile

from visus._errors import InputError
from visus.server.asked import Asked
from visus.server.service import Service

_KINDS = "JPEG, PNG, WebP, TIFF, BMP or GIF"

Number = Annotated[int | None, Form(alias="id", ge=0, lt=2**63, description="Id of a picture in the index.")]
Upload = Annotated[UploadFile | None, File(description=f"A picture: {_KINDS}.")]
Region = Annotated[str | None, Form(max_length=60, description="x0,y0,x1,y1 in pixels: only this part asks.")]
Text = Annotated[str | None, Form(max_length=2000)]
RunName = Annotated[str, Form(max_length=200)]
InPath = Annotated[int, Path(ge=0, lt=2**63)]


class Work:
    """The service, asked from threads, so that other requests go on.

    Args:
        request: The request that is answered.
    """

    def __init__(self, request: Request) -> None:
        self.service: Service = request.app.state.service
        self._state = request.app.state

    async def __call__(self, call: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Let a thread do it."""
        return await anyio.to_thread.run_sync(partial(call, *args, **options), limiter=self._state.threads)

    async def quickly(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Let a thread do it that never waits behind the work of others."""
        return await anyio.to_thread.run_sync(call, limiter=self._state.quick)


Working = Annotated[Work, Depends(Work)]


async def asked_picture(picture: Upload = None, number: Number = None) -> Asked:
    """The picture that a request is about."""
    return Asked(await picture.read() if picture is not None else None, number)


Picture = Annotated[Asked, Depends(asked_picture)]


def box_of(text: str | None) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 from ``1,2,3,4``."""
    return None if text is None else numbers("region", text, 4)  # pyright: ignore[reportReturnType]


def numbers(name: str, text: str, count: int) -> tuple[int, ...]:
    """Whole numbers with commas between them.

    Raises:
        InputError: They are not.
    """
    parts = text.split(",")
    if len(parts) != count or not all(re.fullmatch(r"\s*-?[0-9]{1,10}\s*", part) for part in parts):
        raise InputError(f"{name} takes {count} whole numbers with commas between them, not {text[:40]!r}.")
    return tuple(int(part) for part in parts)


def ids_of(name: str, text: str | None, most: int = 2000) -> list[int]:
    """Ids of pictures from ``17,42``; none from nothing.

    Args:
        name: Of the field.
        text: What it holds.
        most: Ids at most.

    Raises:
        InputError: They are none, or too many.
    """
    parts = text.split(",") if text else []
    if not all(re.fullmatch(r"\s*[0-9]{1,19}\s*", part) and int(part) < 2**63 for part in parts):
        raise InputError(f"{name} takes ids of pictures with commas between them, not {(text or '')[:60]!r}.")
    if len(parts) > most:
        raise InputError(f"{name} takes at most {most} ids, not {len(parts)}.")
    return [int(part) for part in parts]
