"""An index that visus 0.1 made opens, answers, and is brought up to date."""

import shutil
from pathlib import Path

from tests.support.pictures import folder_of
from visus import Index

OLD = Path(__file__).parents[1] / "fixtures" / "v0_1" / "index"


def test_an_old_index_finds_and_grows(tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "index")
    folder_of(tmp_path / "photos", 4)
    index = Index(tmp_path / "index")
    assert len(index) == 3
    hits = index.search(tmp_path / "photos" / "0001.jpg", k=1)
    assert hits[0].path == "/data/photos/0001.jpg"
    assert hits[0].score > 0.999
    report = index.add(tmp_path / "photos")
    assert (report.moved, report.added) == (3, 1)
    assert index.search(tmp_path / "photos" / "0001.jpg", k=1).paths == [str(tmp_path / "photos" / "0001.jpg")]
