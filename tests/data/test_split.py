"""Seeded, stratified splits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from visus.data.split import stratified


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=80),
    st.floats(0.05, 0.4),
    st.floats(0.0, 0.4),
    st.integers(0, 99),
)
def test_parts_cover_all_once_and_train_has_every_class(labels: list[int], val: float, test: float, seed: int) -> None:
    array = np.array(labels)
    parts = stratified(array, (val, test), seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    assert set(array[parts[0]].tolist()) == set(labels)
    for label in set(labels):
        count = (array == label).sum()
        for part, share in zip(parts[1:], (val, test), strict=True):
            assert abs((array[part] == label).sum() - share * count) <= 1
    again = stratified(array, (val, test), seed=seed)
    assert all((a == b).all() for a, b in zip(parts, again, strict=True))


@given(st.lists(st.integers(0, 9), min_size=4, max_size=60), st.integers(0, 9))
def test_groups_are_never_cut(groups: list[int], seed: int) -> None:
    array = np.array(groups)
    parts = stratified(np.zeros(len(array), np.int64), (0.3,), seed=seed, groups=array)
    assert not set(array[parts[0]].tolist()) & set(array[parts[1]].tolist())
