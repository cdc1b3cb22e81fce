"""Every operation that publishes a file of a slow command fails once: one sentence, and the command runs again."""

import shutil
from pathlib import Path

import pytest

from tests.support.command import visus
from tests.support.faults import HOW, Faulty, publishing
from tests.support.labeled import splits
from tests.support.masked import folder_of_masks
from visus import Run, read

MODULES = ["visus.cli.app", "visus.runs", "visus.runs.export", "visus.cli.predict", "torch", "lightning", "cv2"]
NET = ("--net", "mlp", "--hidden", "4", "--size", "8")
TRAIN = ["train", "classify", "data", *NET, "--epochs", "2", "--runs", "out", "--workers", "0"]
SEGMENT = ["train", "segment", "masked", "--net", "unet", "--padded", "--width", "2", "--size", "48", "--epochs", "1"]
COMMANDS: dict[str, list[str]] = {
    "train": TRAIN,
    "tune": ["tune", "classify", "data", *NET, "--trials", "2", "--epochs", "1", "--runs", "out"],
    "export": ["export", "out/classify/data-1"],
    "evaluate": ["evaluate", "out/classify/data-1", "--out", "out/measured"],
    "predict": ["predict", "out/segment/masked-1", "masked/test/images", "--out", "out/answers"],
    "filter": ["filter", "gaussian", "data/test", "out/smooth", "--force"],
}

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labeled pictures and a run of them."""
    place = tmp_path_factory.mktemp("start")
    splits(place / "data", 4, 2, 2, side=8)
    folder_of_masks(place / "masked", train=4, val=2, test=2)
    visus(*TRAIN, cwd=place)
    visus(*SEGMENT, "--runs", "out", cwd=place)
    shutil.move(place / "out", place / "saved")
    return place


def _whole(place: Path) -> None:
    """Whatever stands there under its own name is whole."""
    for path in place.rglob("*"):
        if path.suffix in (".png", ".jpg") and not path.name.startswith("."):
            assert read(path).size
    for run in (place / "classify").glob("data-*"):
        if (run / "config.toml").is_file():
            assert Run(run).settings.epochs == 2  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_file_that_is_published_may_fail(
    faulty: Faulty, start: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = start / "out"

    def fresh() -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        if command in ("export", "evaluate", "predict"):
            shutil.copytree(start / "saved", out, dirs_exist_ok=True)

    fresh()
    ended, operations = faulty.run(*COMMANDS[command], cwd=start, below=out, trace=True)
    assert ended.code == 0, ended
    places = publishing(operations)
    assert {own.kind for own in operations} >= {"write", "rename", "sync"}
    for at in places:
        for how in HOW:
            fresh()
            ended, _ = faulty.run(*COMMANDS[command], cwd=start, below=out, at=at, how=how)
            told = f"{command}, operation {at} ({operations[at - 1]}), {how}: {ended}"
            assert "Traceback" not in ended.stderr, told
            assert ended.code in ((-9,) if how == "kill" else (0, 2)), told
            assert ended.code != 2 or ended.stderr.strip().splitlines()[-1].startswith("visus: "), told
            _whole(out)
            again, _ = faulty.run(*COMMANDS[command], cwd=start, below=out)
            assert again.code == 0, f"{told}; again: {again}"
            _whole(out)
    with capsys.disabled():
        print(f"{command}: {len(places) * len(HOW)} points of failure tried")
