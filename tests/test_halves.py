"""The light half works where nothing of the train half is installed, and says what is missing for the rest."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.support.labeled import write_class
from tests.support.pictures import folder_of

_PYPROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
_CONTRACTS = _PYPROJECT["tool"]["importlinter"]["contracts"]
_HALVES = next(own for own in _CONTRACTS if own["name"].startswith("halves"))
HEAVY = [name for name in _HALVES["forbidden_modules"] if not name.startswith("visus.")]

_WITHOUT = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""


def light(code: str, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process in which no package of the train half can be imported."""
    command = [sys.executable, "-c", _WITHOUT + code, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=200)


def visus(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return light("from visus.cli.app import main; main()", cwd, *arguments)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    folder_of(folder / "photos", 8)
    (folder / "run").mkdir()
    header = {"format": 1, "task": "classify", "net": "cnn", "classes": ["a", "b"]}
    save_file({"net.bias": np.zeros(2)}, folder / "run" / "best.safetensors", {"visus": json.dumps(header)})
    return folder


@pytest.mark.slow
def test_search_needs_none_of_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUS_CACHE", str(place / "cache"))
    assert "8 added" in visus(place, "index", "photos", "--index", "i.visus", "--descriptor", "texture").stdout
    for how in ([], ["--by", "texture"], ["--rerank", "geometry"], ["--why", "why.png"], ["--sheet", "sheet.png"]):
        answer = visus(place, "search", "photos/0003.jpg", "--index", "i.visus", "--json", *how)
        assert answer.returncode == 0, answer.stderr
        first = json.loads(answer.stdout)["hits"][0]
        assert first["path"].endswith("0003.jpg")
        assert first["score"] > 0.999
    assert "0 groups" in visus(place, "duplicates", "--index", "i.visus").stdout
    for name in ("canny", "gaussian", "texture", "noise"):
        assert visus(place, "filter", name, "photos/0000.jpg", f"{name}.png").returncode == 0


def test_labels_are_checked_without_it(tmp_path: Path) -> None:
    for label, name in enumerate(("blob", "checks")):
        write_class(tmp_path / "set" / name, label, 8, side=96)
    (tmp_path / "set" / "blob" / "0003.png").rename(tmp_path / "set" / "checks" / "9.png")
    answer = visus(tmp_path, "check", "set", "--json")
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)["findings"]
    assert ("checks/9.png", "wrong-label") in [(own["file"], own["problem"]) for own in found]


@pytest.mark.parametrize(
    "line",
    [
        "train classify photos",
        "nets",
        "evaluate run",
        "explain saliency resnet18 photos/0000.jpg",
        "tune classify photos",
        "export run",
        "lesson losses",
        "index photos --index j.visus --model resnet18",
    ],
)
def test_what_is_missing_is_one_sentence(line: str, place: Path) -> None:
    answer = visus(place, *line.split())
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("visus: This needs the package ")
    assert answer.stderr.endswith("which is not installed; say: pip install 'visus[train]'\n")


def test_a_run_without_its_graph_is_one_sentence(place: Path) -> None:
    answer = visus(place, "predict", "run", "photos")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "has no graph of its network" in answer.stderr
    assert "pip install 'visus[train]'" in answer.stderr


def test_an_index_is_served(place: Path, tmp_path: Path) -> None:
    assert visus(place, "index", "photos", "--index", str(tmp_path / "i.visus")).returncode == 0
    command = [sys.executable, "-c", f"{_WITHOUT}from visus.cli.app import main; main()"]
    serving = [*command, "serve", "--index", str(tmp_path / "i.visus"), "--port", "0"]
    with subprocess.Popen(serving, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            address = process.stderr.readline().split()[2]
            with (place / "photos" / "0003.jpg").open("rb") as file:
                hits = httpx.post(f"{address}/search", files={"picture": file}, timeout=60).json()["hits"]
        finally:
            process.terminate()
    assert hits[0]["path"].endswith("0003.jpg")


@pytest.mark.slow
def test_help_and_public_names(place: Path) -> None:
    assert "Find pictures that look alike" in visus(place, "--help").stdout
    for command in ("train", "predict", "explain"):
        assert visus(place, command, "--help").returncode == 0
    assert not light("import visus; visus.read, visus.Index, visus.filters.canny", place).stderr
    for call in ("visus.train('classify', 'photos')", "visus.nets.create('cnn')", "visus.explain.saliency('a', 'b')"):
        ended = light(f"import visus; {call}", place).stderr
        assert ended.splitlines()[-1].startswith("visus._errors.DependencyError: This needs the package")


def test_what_search_imports_is_light(place: Path) -> None:
    code = (
        "import sys, visus.search, visus.search.index, visus.search.demo, visus.filters\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_command_imports_neither_half_of_another_nor_a_checker_of_types() -> None:
    code = (
        "import sys\n"
        "from visus.cli.app import main\n"
        "sys.argv = ['visus', 'index', '--list-nothing']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        f"print([m for m in {['pydantic', 'fastapi', *HEAVY]!r} if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert answer.stdout.splitlines()[-1] == b"[]"
