"""``visus explain``: why a network answers as it does; one command for each way to ask."""

import typer

from visus.cli import (
    explain_ascent,
    explain_filters,
    explain_fool,
    explain_invert,
    explain_maps,
    explain_neighbours,
    explain_robustness,
    explain_saliency,
    explain_space,
    explain_units,
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
for _method in explain_saliency.METHODS:
    app.command(
        name=_method,
        epilog=explain_saliency.examples(_method),
        short_help=explain_saliency.METHODS[_method],
        rich_help_panel=_LOOKED,
    )(explain_saliency.command(_method))
for _name, _file, _panel in (
    ("filters", explain_filters, _LEARNED),
    ("maps", explain_maps, _LEARNED),
    ("units", explain_units, _LEARNED),
    ("neighbours", explain_neighbours, _LEARNED),
    ("space", explain_space, _LEARNED),
    ("ascent", explain_ascent, _LEARNED),
    ("invert", explain_invert, _LEARNED),
    ("fool", explain_fool, _FOOLED),
    ("robustness", explain_robustness, _FOOLED),
):
    app.command(name=_name, epilog=_file.EXAMPLES, rich_help_panel=_panel)(getattr(_file, _name))
