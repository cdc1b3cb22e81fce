"""``visus serve``: search, prediction and explanation over HTTP, and the web page."""

import math
import os
import socket
from pathlib import Path
from typing import Annotated, Literal

import typer

from visus._errors import InputError
from visus._optional import require
from visus.cli.options import IndexPlace, default_index

EXAMPLES = """
Examples:

    visus serve                                             the index of visus index; then open http://127.0.0.1:8000
    visus serve --index photos.visus --run runs/classify/flowers-1 --run runs/detect/cells-1
    visus serve --index photos.visus --trainings runs       the page shows how trainings of visus train go on
    visus serve --check check.csv --checked flowers         look at what visus check found, and decide
    VISUS_TOKEN=$(openssl rand -hex 16) visus serve --index photos.visus --host 0.0.0.0
    curl -F picture=@cat.jpg -F k=5 http://127.0.0.1:8000/search
"""


def serve(
    index: IndexPlace = None,
    run: Annotated[list[Path] | None, typer.Option(help="A run that answers; may be given again.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to bind to; other than this machine's needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind to; 0 for one that is free.")] = 8000,
    token: Annotated[
        str | None, typer.Option(envvar="VISUS_TOKEN", help="Requests must bring it: Authorization: Bearer TOKEN.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with the token, in place of --token: other users see what programs are told."),
    ] = None,
    max_upload: Annotated[float, typer.Option(help="Largest request, in MB.")] = 32.0,
    max_pixels: Annotated[float, typer.Option(help="Largest picture, in megapixels.")] = 50.0,
    pixels_at_once: Annotated[
        float | None,
        typer.Option(help="Megapixels decoded at once; further pictures wait. Twice --max-pixels at least."),
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Requests worked on at once; further ones get 429.")] = 64,
    line: Annotated[int, typer.Option(min=1, help="Requests that wait to explain or fool; further ones get 503.")] = 4,
    connections: Annotated[int, typer.Option(min=1, help="Connections at once; the silent ones make room.")] = 1000,
    timeout: Annotated[float, typer.Option(help="Longest time of an answer, in seconds; then 504.")] = 60.0,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="A site whose pages may ask, as https://photos.example; may be given again."),
    ] = None,
    drain: Annotated[
        int, typer.Option(min=0, help="Seconds that answers have left when the server is ended; then 503.")
    ] = 25,
    log: Annotated[
        Literal["text", "json", "off"], typer.Option(help="One line a request, on the standard error.")
    ] = "text",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    allow_move: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Let the page move copies that may go there; visus duplicates --undo."),
    ] = None,
    trainings: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Show the trainings and studies of this folder as they grow, as in runs."),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Review a table of visus check; needs --checked.")
    ] = None,
    checked: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder that --check is about; its pictures are shown.")
    ] = None,
) -> None:
    """Serve an index and trained networks over HTTP, with a web page on the same address.

    Only pictures of the index are served, to the byte as they were indexed, and with --check those that its table
    names. Decisions go to a new table beside it, for visus train --without; no picture is changed. The API is described
    at /openapi.json.
    """
    uvicorn = require("uvicorn")
    require("fastapi")
    require("prometheus_client")
    from visus.server.api import create_app
    from visus.server.connections import protocol
    from visus.server.settings import MEGABYTE, Settings

    if not all(math.isfinite(number) for number in (max_upload, max_pixels, pixels_at_once or 0)):
        raise InputError("--max-upload, --max-pixels and --pixels-at-once must be numbers.")
    usual = default_index()
    place = index or (usual if not (run or check) or "://" in usual or Path(usual).exists() else None)
    settings = Settings(
        index=place,
        runs=tuple(run or ()),
        host=host,
        port=port,
        token=_token(token, token_file),
        upload=int(max_upload * MEGABYTE),
        pixels=int(max_pixels * MEGABYTE),
        decoding=None if pixels_at_once is None else int(pixels_at_once * MEGABYTE),
        at_once=at_once,
        line=line,
        connections=connections,
        seconds=timeout,
        allow=tuple(allow_origin or ()),
        log=log,
        device=device,
        move=allow_move,
        trainings=trainings,
        check=check,
        checked=checked,
    )
    app = create_app(settings)
    bound = _bound(host, port)
    level = os.environ.get("VISUS_LOG", "warning")
    config = uvicorn.Config(
        app,
        http=protocol(settings.connections),
        ws="none",
        log_level=level,
        server_header=False,
        access_log=False,  # ours has ids
        timeout_graceful_shutdown=drain,
    )
    typer.echo(f"Serving on http://{settings.address}:{bound.getsockname()[1]}  (Ctrl-C ends it)", err=True)
    uvicorn.Server(config).run(sockets=[bound])


def _token(token: str | None, file: Path | None) -> str | None:
    """The token, perhaps from a file.

    Raises:
        InputError: Both are given, or the file cannot be read.
    """
    if file is None:
        return token
    if token is not None:
        raise InputError("Say --token or --token-file, not both (VISUS_TOKEN counts as --token).")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise InputError(
            f"The token cannot be read from {file} ({reason}); write it there: openssl rand -hex 16"
        ) from error


def _bound(host: str, port: int) -> socket.socket:
    """What listens at an address.

    Raises:
        InputError: It is taken, or none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InputError(f"Cannot serve on {host}, port {port} ({reason}); choose another.") from error
