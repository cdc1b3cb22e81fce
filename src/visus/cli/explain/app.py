"""``visus explain``: why a network answers as it does; one command for each way to ask."""

import typer

from visus.cli.explain import (
    ascent,
    blocks,
    filters,
    fool,
    invert,
    maps,
    neighbors,
    robustness,
    saliency,
    space,
    templates,
    units,
)

EXAMPLES = """
Examples:

    visus explain gradcam efficientnet_lite0 cat.jpg                  which pixels speak for its class
    visus explain units efficientnet_lite0 photos --layer blocks.2 --channel 7
    visus explain ascent efficientnet_lite0 --target goldfish         what the network takes for one
    visus explain invert efficientnet_lite0 cat.jpg                   what its layers remember
    visus explain fool runs/classify/flowers-1 rose.jpg --target tulip --epsilon 2/255
"""

_LOOKED = "What did it look at"
_LEARNED = "What has it learned"
_FOOLED = "How easily is it fooled"

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Show why a network answers as it does.")
for _method in saliency.METHODS:
    app.command(
        name=_method,
        epilog=saliency.examples(_method),
        short_help=saliency.METHODS[_method],
        rich_help_panel=_LOOKED,
    )(saliency.command(_method))
for _name, _file, _panel in (
    ("filters", filters, _LEARNED),
    ("maps", maps, _LEARNED),
    ("units", units, _LEARNED),
    ("neighbors", neighbors, _LEARNED),
    ("space", space, _LEARNED),
    ("templates", templates, _LEARNED),
    ("blocks", blocks, _LEARNED),
    ("ascent", ascent, _LEARNED),
    ("invert", invert, _LEARNED),
    ("fool", fool, _FOOLED),
    ("robustness", robustness, _FOOLED),
):
    app.command(name=_name, epilog=_file.EXAMPLES, rich_help_panel=_panel)(getattr(_file, _name))
app.command(name="neighbours", hidden=True, deprecated=True)(neighbors.neighbors)  # its name until 0.2
