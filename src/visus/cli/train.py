"""``visus train``: one command for each task."""

import typer

from visus.cli import train_classify, train_detect, train_localize, train_segment

EXAMPLES = """
Examples:

    visus train classify flowers
    visus train localize birds
    visus train segment camvid --backbone efficientnet_lite0
    visus train detect cells
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Train a network on your own pictures.")
app.command(name="classify", epilog=train_classify.EXAMPLES)(train_classify.classify)
app.command(name="localize", epilog=train_localize.EXAMPLES)(train_localize.localize)
app.command(name="segment", epilog=train_segment.EXAMPLES)(train_segment.segment)
app.command(name="detect", epilog=train_detect.EXAMPLES)(train_detect.detect)
