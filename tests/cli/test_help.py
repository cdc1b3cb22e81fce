"""The command line before it does any work."""

import re
import signal
import subprocess
import sys

import pytest

from tests.support.command import visus

COMMANDS = (
    "index", "search", "duplicates", "filter", "train", "tune", "evaluate", "predict", "export", "explain", "serve",
    "nets", "lesson", "demo", "doctor", "resample", "check", "suggest",
)  # fmt: skip


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "visus", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *[[name, "--help"] for name in COMMANDS]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "visus", *arguments], capture_output=True, text=True, check=True
    )
    imported = set(re.findall(r"\|\s+([\w.]+)$", answer.stderr, re.MULTILINE))
    assert "visus.cli.app" in imported
    heavy = {"torch", "lightning", "timm", "torchvision", "numpy", "lance", "pyarrow", "openvino", "cv2", "PIL"}
    assert not heavy & imported


def test_help_names_every_command_and_shows_examples() -> None:
    answer = visus("--help")
    for name in COMMANDS:
        assert name in answer.stdout
        assert f"visus {name}" in visus(name, "--help").stdout


def test_version_and_no_arguments() -> None:
    import visus

    assert _run("--version").stdout.strip() == f"visus {visus.__version__}"
    assert "Usage" in _run().stdout


def test_a_search_imports_neither_torch_nor_timm(tmp_path: object) -> None:
    from tests.support.pictures import folder_of

    folder_of(tmp_path / "p", 3)  # pyright: ignore
    place = str(tmp_path / "i.visus")  # pyright: ignore
    assert _run("index", str(tmp_path / "p"), "--index", place).returncode == 0  # pyright: ignore
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "visus", "search", f"{tmp_path}/p/0001.jpg", "-i", place],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(re.findall(r"\|\s+([\w.]+)$", answer.stderr, re.MULTILINE))
    assert "lance" in imported
    assert not {"torch", "lightning", "timm", "torchvision", "lancedb", "onnx"} & imported


@pytest.mark.parametrize("imported", ["visus.cli.app", "typer", "visus.search"])
def test_control_c_while_a_command_is_imported_is_a_quiet_end(imported: str) -> None:
    code = f"""
import os, signal, sys

class Press:
    def find_spec(self, name, path=None, target=None):
        if name == {imported!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Press())
sys.argv = ["visus", "duplicates"]
from visus.__main__ import main
main()
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode in (130, -signal.SIGINT)
    assert answer.stderr == ""


def test_patterns_keep_their_asterisks() -> None:
    told = visus("index", "--help").stdout
    assert "'*.png'" in told.split("--prune ")[0]
    assert "'private/*'" in told


def test_a_search_waits_for_no_command_but_its_own() -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "visus", "search", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(re.findall(r"\|\s+([\w.]+)$", answer.stderr, re.MULTILINE))
    assert "visus.cli.options" in imported  # what the command itself imports
    assert not {"visus.cli.settings", "visus.runs"} & imported
