"""The wheel holds all that is needed, and the command works from it."""

import json
import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.pictures import folder_of

ROOT = Path(__file__).parents[1]


def run(*command: object, cwd: Path, **environment: str) -> str:
    answer = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def installed(place: Path, option: str) -> Path:
    """An environment of its own with the wheel in it."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, ROOT, cwd=place)
    (wheel,) = place.glob("visus-*.whl")
    clean = place / "clean"
    venv.create(clean, symlinks=True)
    run(sys.executable, "-m", "pip", "--python", clean / "bin/python", "install", option, wheel, cwd=place)
    return clean


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_works_on_its_own(tmp_path: Path) -> None:
    place = installed(tmp_path, "--no-deps")
    (own,) = place.glob("lib/python*/site-packages")
    # What visus stands on is taken from here; a path in a .pth file brings no editable installation with it.
    (own / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")

    visus = place / "bin" / "visus"
    where = run(place / "bin/python", "-c", "import visus; print(visus.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(own)
    assert run(visus, "--version", cwd=tmp_path).startswith("visus ")
    folder_of(tmp_path / "photos", 6)
    made = run(visus, "index", "photos", "--index", "i.visus", "--json", cwd=tmp_path)
    assert json.loads(made)["report"]["added"] == 6
    module = (place / "bin/python", "-m", "visus")
    found = run(*module, "search", "photos/0002.jpg", "--index", "i.visus", "--json", cwd=tmp_path)
    assert json.loads(found)["hits"][0]["path"].endswith("0002.jpg")
    run(visus, "filter", "median", "photos/0001.jpg", "smooth.png", "--size", 5, cwd=tmp_path)
    # The compiled loops, the lattice and the page are there too.
    code = (
        "from visus.filters import _native as a; from visus.ops import lattice as b; "
        "from visus.server.routes import page; "
        "print((page.STATIC / 'index.html').is_file())"
    )
    assert run(place / "bin/python", "-c", code, cwd=tmp_path).strip() == "True"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_wheel_brings_what_search_needs(tmp_path: Path) -> None:
    """In an environment that holds nothing else, of a user who has nothing else, in a folder that cannot be written."""
    place = installed(tmp_path, "--quiet")
    folder_of(tmp_path / "photos", 6)
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "photos").chmod(0o555)

    def visus(*arguments: object) -> str:
        bare = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
        command = [str(place / "bin" / "visus"), *map(str, arguments)]
        answer = subprocess.run(command, cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    assert visus("--help")
    assert json.loads(visus("index", "photos", "--index", "home/i.visus", "--json"))["report"]["added"] == 6
    found = json.loads(visus("search", "photos/0002.jpg", "--index", "home/i.visus", "--json"))["hits"]
    assert found[0]["path"].endswith("0002.jpg")
    assert visus("duplicates", "--index", "home/i.visus", "--json")
    visus("filter", "median", "photos/0001.jpg", "home/smooth.png", "--size", 5)
    missing = subprocess.run(
        [place / "bin/visus", "train", "classify", "photos"], check=False, capture_output=True, text=True
    )
    assert missing.returncode == 2
    assert "pip install 'visus[train]'" in missing.stderr
    assert missing.stderr.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(tmp_path: Path, shell: str) -> None:
    script = run(
        sys.executable,
        "-m",
        "visus",
        "--show-completion",
        shell,
        cwd=tmp_path,
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    assert "_VISUS_COMPLETE" in script or "COMPLETE" in script


def test_what_is_completed(tmp_path: Path) -> None:
    visus = Path(sys.executable).with_name("visus")
    words = {"_VISUS_COMPLETE": "complete_bash", "COMP_WORDS": "visus dup", "COMP_CWORD": "1"}
    assert run(visus, cwd=tmp_path, **words).split() == ["duplicates"]
    words = {"_VISUS_COMPLETE": "complete_bash", "COMP_WORDS": "visus train classify --mo", "COMP_CWORD": "3"}
    assert {"--mode", "--momentum"} <= set(run(visus, cwd=tmp_path, **words).split())
