"""The public surface is a tested list."""

import os
import subprocess
import sys

import pytest

import visus
from visus import data, explain, filters, images, lessons, nets, review, runs, search
from visus._optional import require


def test_onnx_runtime_is_kept_from_reporting_its_use() -> None:
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_public_names() -> None:
    assert visus.__all__ == sorted(visus.__all__)
    assert set(visus.__all__) == {
        "Cluster",
        "DependencyError",
        "FormatError",
        "Index",
        "InputError",
        "PictureIndexError",
        "Run",
        "RunError",
        "VisusError",
        "WeightsError",
        "__version__",
        "check",
        "data",
        "duplicates",
        "evaluate",
        "explain",
        "filters",
        "images",
        "lessons",
        "nets",
        "predict",
        "read",
        "runs",
        "search",
        "suggest",
        "train",
        "tune",
        "write",
    }
    for module in (visus, data, explain, filters, images, lessons, nets, review, runs, search):
        assert all(hasattr(module, name) for name in module.__all__)
        assert all((getattr(getattr(module, name), "__doc__", "x") or "").strip() for name in module.__all__)


def test_every_error_is_a_visus_error() -> None:
    for name in visus.__all__:
        if name.endswith(("Error", "Error_")):
            assert issubclass(getattr(visus, name), visus.VisusError)


def test_unknown_names_are_attribute_errors() -> None:
    for module in (visus, nets, review, search):
        with pytest.raises(AttributeError):
            module.no_such_name  # noqa: B018


def test_import_visus_is_light() -> None:
    code = "import sys, visus; print([m for m in ('numpy', 'torch', 'lance', 'PIL') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_missing_extra_names_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(visus.DependencyError, match=r"package uvicorn.*pip install 'visus\[serve\]'"):
        require("uvicorn")
    with pytest.raises(visus.DependencyError, match=r"pip install 'visus\[train\]'"):
        require("no_such_package_here")
    assert require("json").dumps([]) == "[]"
