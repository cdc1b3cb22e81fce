"""``visus doctor``: what is installed, what is broken, and what is advised."""

import importlib.metadata
import json
import os
from pathlib import Path

import pytest

import visus as package
from tests.support.command import visus, visus_process
from visus import InputError
from visus.doctor import advice, examine, packages
from visus.doctor.advice import advice as advised
from visus.doctor.machine import Machine
from visus.doctor.packages import Extra, Package
from visus.doctor.parts import PARTS, BrokenError, Part, asked
from visus.doctor.probes import COMPILED, PROBES

PLAIN = Machine("Linux", "3.12.0", "some processor", 4, 4, 8_000_000_000, (), ())
WHOLE = [Extra("visus", (Package("numpy", ">=2.0", "2.1.0", ""),))]
RUNNING = {key: Part(name, "runs", "runs", {}) for key, name in PARTS.items()}


def test_all_compiled_parts_are_looked_at() -> None:
    assert list(PARTS) == list(PROBES)
    place = Path(package.__file__).parent
    assert sorted(COMPILED) == sorted(path.relative_to(place).with_suffix("").as_posix() for path in place.rglob("*.c"))


def test_packages_are_held_against_what_visus_says_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = [
        "numpy>=2.0",
        "lark",
        'winonly>=1; sys_platform == "win32"',
        'openvino>=2024.6; extra == "fast"',
        "uvloop>=0.19; sys_platform != 'win32' and extra == 'serve'",
        'fastapi (>=0.115) ; extra == "serve"',
        'visus[fast]; extra == "all"',
        'ruff>=0.8; extra == "dev"',
        'torn>=1; extra == "raw"',
    ]
    here = {"numpy": "1.26.4", "lark": "1.2", "fastapi": "0.115.0"}

    def version(name: str) -> str:
        if name == "torn":
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "torn")
        if name not in here:
            raise importlib.metadata.PackageNotFoundError(name)
        return here[name]

    monkeypatch.setattr(importlib.metadata, "requires", lambda _: needed)
    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(packages.sys, "platform", "linux")
    found = {own.name: own for own in packages.extras()}
    assert list(found) == ["visus", "fast", "serve", "raw"]
    assert [own.problem for own in found["visus"].packages] == ["older than 2.0", ""]
    assert [(own.name, own.problem) for own in found["serve"].packages] == [("uvloop", "missing"), ("fastapi", "")]
    assert [own.state for own in found.values()] == ["part", "none", "part", "none"]
    assert found["raw"].packages[0].problem == "damaged"
    said = advised(PLAIN, list(found.values()), RUNNING)
    assert said == [
        "Packages for search are not as they must be: numpy (older than 2.0); say: pip install visus --upgrade",
        "Packages for visus[serve] are not as they must be: uvloop (missing); say: "
        "pip install 'visus[serve]' --upgrade",
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: version("visus"))
    assert packages.extras() == []
    assert "not installed as a package" in advised(PLAIN, [], RUNNING)[0]


def test_advice_fits_the_machine() -> None:
    assert advised(PLAIN, WHOLE, RUNNING) == []
    few = Machine("Linux", "3.12.0", "", 2, 8, None, ("AVX2", "AVX512-BF16"), ())
    first, second = advised(few, WHOLE, RUNNING)
    assert "--precision bf16" in first
    assert "2 of 8 cores" in second
    missing = {**RUNNING, "openvino": Part("OpenVINO", "missing", "openvino is not installed", {})}
    assert advised(few, WHOLE, missing)[0].endswith("pip install 'visus[fast]'")
    card = Machine("Linux", "3.12.0", "", 4, 4, None, (), ("NVIDIA H200",))
    for values, words in (
        ({"cuda": None, "cards": []}, "built without CUDA"),
        ({"cuda": "12.6", "cards": []}, "driver"),
    ):
        (sentence,) = advised(card, WHOLE, {**RUNNING, "torch": Part("PyTorch", "runs", "", values)})
        assert sentence.startswith("There is NVIDIA H200")
        assert words in sentence
    seen = {**RUNNING, "torch": Part("PyTorch", "runs", "", {"cuda": "12.6", "cards": ["NVIDIA H200"]})}
    assert advised(card, WHOLE, seen) == []
    torn = {**RUNNING, "jpeg": Part("simplejpeg", "broken", "ImportError: no libturbojpeg.", {})}
    (sentence,) = advised(PLAIN, WHOLE, torn)
    assert sentence == (
        "simplejpeg is there and does not run: ImportError: no libturbojpeg; install it anew: "
        "pip install --force-reinstall simplejpeg"
    )
    assert set(advice._PIP) <= set(PARTS)


def test_a_process_that_ends_badly_is_said() -> None:
    with pytest.raises(BrokenError, match=r"ends its process \(code 1\)"):
        asked("visus.doctor.probes", "none", seconds=60)
    with pytest.raises(BrokenError, match=r"does not answer within 0\.001 s"):
        asked("visus.doctor.probes", "lance", seconds=0.001)
    with pytest.raises(InputError, match="0 or more"):
        examine(float("nan"))


@pytest.mark.slow
def test_what_is_broken_is_said_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torn = {
        "simplejpeg": "raise ImportError('libturbojpeg.so.0:\\n cannot open shared object file')",
        "openvino": "import os; os.abort()",
        "torch": "raise ModuleNotFoundError('No module named torch', name='torch')",
        "lance": "print('hello'); import sys; sys.exit(3)",
    }
    for name, code in torn.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    found = json.loads(visus_process("doctor", "--seconds", 0.1, "--json").stdout)
    parts = found["parts"]
    assert {key: own["state"] for key, own in parts.items()} == {
        "compiled": "runs", "jpeg": "broken", "opencv": "runs", "lance": "broken", "onnxruntime": "runs",
        "openvino": "broken", "torch": "missing",
    }  # fmt: skip
    assert parts["jpeg"]["told"] == "ImportError: libturbojpeg.so.0: cannot open shared object file"
    assert parts["openvino"]["told"] == "ends its process (signal 6)"
    assert parts["lance"]["told"] == "ends its process (code 3)"
    assert found["speed"] == "cannot be measured: the measurement ends its process (code 1)"
    assert sum("does not run" in sentence for sentence in found["advice"]) == 3


@pytest.mark.slow
def test_a_sound_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = visus("doctor", "--seconds", 0.2)
    for words in (
        "Installed",
        "  train",
        "What makes it fast",
        "Weights",
        "efficientnet_lite0  yes",
        "pictures a second",
    ):
        assert words in answer.stdout
    assert "BROKEN" not in answer.stdout
    assert "Measuring for 0.2 s" in answer.stderr
    found = examine(0)
    assert found.speed is None
    assert {own.state for own in found.parts.values()} == {"runs"}
    assert found.extras[0].state == "whole"
