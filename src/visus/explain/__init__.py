"""Why a network answers as it does."""

from typing import TYPE_CHECKING, Any

from visus._optional import require
from visus._renamed import renamed

if TYPE_CHECKING:
    from visus.explain.ascent import Ascent, ascend
    from visus.explain.attacks import ATTACKS, Fooled, attack
    from visus.explain.attribution import METHODS, Explanation, attribute, saliency
    from visus.explain.blocks import Deletion, deletion
    from visus.explain.class_templates import Templates, templates
    from visus.explain.deletion_insertion import Curves, curves
    from visus.explain.fooling import Fooling, fool, fool_from_noise
    from visus.explain.inversion import Inversion, invert
    from visus.explain.layers import first_filters, maps
    from visus.explain.plain_ascent import ascend_plainly
    from visus.explain.robust import Robustness, robustness
    from visus.explain.sanity_check import Sanity, sanity
    from visus.explain.similar import Features, Neighbors, features_of, neighbors
    from visus.explain.subject import Subject
    from visus.explain.subjects import Classifier, open_classifier, open_subject
    from visus.explain.units import Exciting, exciting

_WHERE = {
    "ascent": ("Ascent", "ascend"),
    "attacks": ("ATTACKS", "Fooled", "attack"),
    "attribution": ("METHODS", "Explanation", "attribute", "saliency"),
    "blocks": ("Deletion", "deletion"),
    "fooling": ("Fooling", "fool", "fool_from_noise"),
    "inversion": ("Inversion", "invert"),
    "layers": ("first_filters", "maps"),
    "plain_ascent": ("ascend_plainly",),
    "similar": ("Features", "Neighbors", "features_of", "neighbors"),
    "sanity_check": ("Sanity", "sanity"),
    "deletion_insertion": ("Curves", "curves"),
    "robust": ("Robustness", "robustness"),
    "subject": ("Subject",),
    "subjects": ("Classifier", "open_classifier", "open_subject"),
    "class_templates": ("Templates", "templates"),
    "units": ("Exciting", "exciting"),
}
_FILES = {name: file for file, names in _WHERE.items() for name in names}

__all__ = [
    "ATTACKS",
    "METHODS",
    "Ascent",
    "Classifier",
    "Curves",
    "Deletion",
    "Exciting",
    "Explanation",
    "Features",
    "Fooled",
    "Fooling",
    "Inversion",
    "Neighbors",
    "Robustness",
    "Sanity",
    "Subject",
    "Templates",
    "ascend",
    "ascend_plainly",
    "attack",
    "attribute",
    "curves",
    "deletion",
    "exciting",
    "features_of",
    "first_filters",
    "fool",
    "fool_from_noise",
    "invert",
    "maps",
    "neighbors",
    "open_classifier",
    "open_subject",
    "robustness",
    "saliency",
    "sanity",
    "templates",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name in _FILES:
        return getattr(require(f"visus.explain.{_FILES[name]}"), name)
    return renamed(__name__, name)
