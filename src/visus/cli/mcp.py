"""``visus mcp``: an index and trained networks as tools of language models."""

from pathlib import Path
from typing import Annotated

import typer

from visus._optional import require
from visus.cli.options import IndexPlace, default_index

EXAMPLES = """
Examples:

    visus mcp --index photos.visus                        speaks on standard input and output, as programs start it
    visus mcp --index photos.visus --http --port 8100     at http://127.0.0.1:8100/mcp, for programs on this machine
"""


def mcp(
    index: IndexPlace = None,
    run: Annotated[list[Path] | None, typer.Option(help="A run that answers; may be given again.")] = None,
    http: Annotated[bool, typer.Option("--http", help="Over streamable HTTP on this machine.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of --http.")] = 8100,
    max_pixels: Annotated[float, typer.Option(min=0.001, max=1000, help="Largest picture, in megapixels.")] = 50.0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Let programs with a language model search an index and ask trained networks (Model Context Protocol).

    The tools are search, why, duplicates, predict and explain. They take ids and pictures, no paths.
    """
    require("mcp.server.mcpserver")
    from visus.server.service import Service
    from visus.server.settings import MEGABYTE, Settings
    from visus.server.tools import tools_of

    settings = Settings(
        index=index or default_index(), runs=tuple(run or ()), pixels=int(max_pixels * MEGABYTE), device=device
    )
    service = Service(settings)
    server = tools_of(service)
    try:
        if http:
            typer.echo(f"Serving tools on http://127.0.0.1:{port}/mcp  (Ctrl-C ends it)", err=True)
            server.run("streamable-http", host="127.0.0.1", port=port)
        else:
            server.run()
    finally:
        service.close()
