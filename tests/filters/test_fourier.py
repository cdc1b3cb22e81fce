"""Calls of the compiled Fourier transforms: what they point to is held until they are over."""

import gc

import numpy as np
import pytest

from visus.filters import _fourier


def test_a_plan_that_no_cache_holds_lives_as_long_as_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    living: list[int] = []

    class Lines(_fourier._Lines):
        def __init__(self, length: int) -> None:
            super().__init__(length)
            living.append(length)

        def __del__(self) -> None:
            living.remove(len(self.place))

    class Library:
        def __getattr__(self, name: str) -> object:
            def call(*_: object) -> int:
                gc.collect()
                assert sorted(living) == [8, 16]
                return 0

            return call

    monkeypatch.setattr(_fourier, "_lines", Lines)
    monkeypatch.setattr(_fourier, "_library", Library)
    _fourier.spectrum_of(np.zeros((8, 16)), np.zeros((8, 16)))
    spectra = _fourier.Spectra(np.zeros((1, 2, 2, 8, 8), np.float32), 1)
    spectra.totals(np.zeros((8, 16), np.float32), (8, 16), np.zeros(1, np.float32))
    assert living == []
