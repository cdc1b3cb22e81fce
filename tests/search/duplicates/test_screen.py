"""What the comparison of thumbnails remembers."""

import io

import numpy as np
import pytest
from PIL import Image

from visus.search.duplicates import screen
from visus.search.duplicates.screen import Screen


def test_what_is_spent_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)).save(file, "JPEG")
    monkeypatch.setattr(screen, "_KEPT", 3)
    own = Screen(lambda _position: file.getvalue())
    first = [own.look(position) for position in range(3)]
    own.spent([1, 2, 7])  # 7 was never looked at
    own.look(3)
    assert own.look(0) is first[0]
    assert own.look(1) is first[1]
    assert own.look(2) is not first[2]
