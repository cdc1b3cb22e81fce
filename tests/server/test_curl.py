"""The lines with curl in the guide, against a server as a user starts it."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.pictures import folder_of
from tests.support.serving import serving
from visus import Index, Run

PAGE = Path(__file__).parents[2] / "docs" / "serve.md"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_every_line_answers(tmp_path: Path, trained_run: Run) -> None:
    lines = re.findall(r"^\$ (curl .*http://127\.0\.0\.1:8000.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 8
    first, second, *_ = folder_of(tmp_path / "photos", 3)
    first.rename(tmp_path / "photos" / "cat.jpg")
    shutil.copy(tmp_path / "photos" / "cat.jpg", tmp_path / "cat.jpg")
    shutil.copy(second, tmp_path / "rose.jpg")
    shutil.copytree(trained_run.folder, tmp_path / "flowers-1")
    Index(tmp_path / "photos.visus").add(tmp_path / "photos")
    with serving("--index", "photos.visus", "--run", "flowers-1", cwd=tmp_path) as address:
        for line in lines:
            command = [part.replace("http://127.0.0.1:8000", address) for part in shlex.split(line)]
            command += ["--silent", "--fail-with-body"]
            done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
