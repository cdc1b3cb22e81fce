"""Photographs in full size, out of the wheels of scikit-image and scikit-learn."""

import importlib.util
from pathlib import Path

_PLACES = {"skimage": "data", "sklearn": "datasets/images"}
_NAMES = {
    "skimage": """astronaut.png brick.png camera.png cell.png chelsea.png coffee.png coins.png grass.png gravel.png
    hubble_deep_field.jpg ihc.png moon.png motorcycle_left.png page.png retina.jpg rocket.jpg""",
    "sklearn": "china.jpg flower.jpg",
}


def photographs() -> dict[str, Path]:
    """The photographs by name."""
    found = {}
    for package, names in _NAMES.items():
        spec = importlib.util.find_spec(package)
        assert spec
        assert spec.origin
        folder = Path(spec.origin).parent / _PLACES[package]
        found |= {Path(name).stem: folder / name for name in names.split()}
    return found
