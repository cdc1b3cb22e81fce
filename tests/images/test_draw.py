"""Contact sheets, overlays, boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pictures import scene
from visus import InputError
from visus.images import draw


def test_contact_sheet_shows_every_picture_and_marks_the_query() -> None:
    colors = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    pictures = [np.full((30, 60, 3), color, np.uint8) for color in colors]
    sheet = draw.contact_sheet(pictures, ["query", "a\nb", "Straße 北京"], columns=2, tile=100, marked=[0])
    for color in colors:
        assert (sheet == color).all(axis=2).sum() >= 100 * 50 - 100
    assert (sheet == draw.ACCENT).all(axis=2).sum() > 500
    assert sheet.shape[1] == 12 + 2 * 112


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=7), st.integers(1, 4))
def test_contact_sheet_takes_any_sizes(sizes: list[tuple[int, int]], columns: int) -> None:
    pictures = [np.zeros((h, w, 3), np.uint8) for h, w in sizes]
    sheet = draw.contact_sheet(pictures, ["x" * 90] * len(sizes), columns=columns, tile=32)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == 12 + min(columns, len(sizes)) * 44


def test_bad_sheets() -> None:
    with pytest.raises(InputError, match="at least one"):
        draw.contact_sheet([])
    with pytest.raises(InputError, match="2 captions"):
        draw.contact_sheet([scene(1), scene(2)], ["one"])
    with pytest.raises(InputError, match="columns"):
        draw.contact_sheet([scene(1)], columns=0)


def test_overlay_is_bright_where_the_heat_is() -> None:
    heat = np.zeros((4, 4))
    heat[0, 0] = 1
    picture = np.full((80, 80, 3), 100, np.uint8)
    warm = draw.overlay(picture, heat)
    assert warm[:20, :20].mean() > warm[40:, 40:].mean() + 50
    assert warm.shape == picture.shape
    for bad in (np.zeros(3), np.zeros((0, 3))):
        with pytest.raises(InputError, match="heat map"):
            draw.overlay(picture, bad)
    with pytest.raises(InputError, match="alpha"):
        draw.overlay(picture, heat, alpha=2)


def test_heat_colors_grow_brighter() -> None:
    luminance = draw.heat_colors(np.linspace(0, 1, 64)[None])[0] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) >= -0.5).all()
    assert luminance[-1] > luminance[0] + 200


def test_boxes() -> None:
    picture = np.zeros((60, 60, 3), np.uint8)
    drawn = draw.boxes(picture, [[10, 10, 40, 50]], ["cat 0.9"])
    assert drawn[10, 25].tolist() == list(draw.ACCENT)
    assert drawn[30, 25].tolist() == [0, 0, 0]
    assert picture.max() == 0
    assert np.array_equal(draw.boxes(picture, []), picture)
    with pytest.raises(InputError, match="labels"):
        draw.boxes(picture, [[1, 2, 3, 4]], [])


@pytest.mark.parametrize("corners", [[[1, 2, 3]], [[1, 2, 3, 4], [1, 2]], [1, 2, 3, 4]])
def test_boxes_have_four_corners(corners: object) -> None:
    with pytest.raises(InputError, match=r"must have the shape \(N, 4\)"):
        draw.boxes(np.zeros((8, 8, 3), np.uint8), corners)  # pyright: ignore[reportArgumentType]


def test_boxes_on_a_tile_are_as_thick_whatever_the_picture() -> None:
    for scale in (1, 10):
        picture = np.zeros((90 * scale, 120 * scale, 3), np.uint8)
        corners = np.array([[100, 50, 118, 80]]) * scale
        found = draw.boxes_on_tile(picture, corners, ["a name that is long"], [(0, 128, 0)], side=240)
        assert found.shape == (180, 240, 3)
        frame = (found == (0, 128, 0)).all(2)
        assert frame[150, 196:206].sum() == 2  # the left edge
        assert frame[:, -1].any()  # the label ends within the picture
        assert (found == 255).all(2).any()


def test_a_legend_names_each_color() -> None:
    names, colors = [f"class {k}" for k in range(20)], [(k, 200, 0) for k in range(20)]
    found = draw.legend(names, colors, side=120)
    assert found.shape[1] == 120
    assert all((found == colors[k]).all(2).any() for k in range(12))
    assert not (found == colors[12]).all(2).any()
