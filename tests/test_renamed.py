"""Old names work for one release more, and warn."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from visus._renamed import MODULES, NAMES

TOGETHER = {old: new for old, new in NAMES.items() if old.rpartition(".")[0] not in MODULES}


def found(name: str) -> object:
    home, _, own = name.rpartition(".")
    return getattr(importlib.import_module(home), own)


@pytest.mark.parametrize("old", sorted(TOGETHER))
def test_an_old_name_is_the_new_one_and_warns(old: str) -> None:
    home, _, name = old.rpartition(".")
    module = importlib.import_module(home)
    with pytest.warns(DeprecationWarning, match=f"{old} is called {NAMES[old]} now") as caught:
        value = getattr(module, name)
    assert value is found(NAMES[old])
    assert [warning.filename for warning in caught] == [__file__]  # Python shows it to whoever asks


@pytest.mark.parametrize("old", sorted(MODULES))
def test_an_old_module_gives_the_names_of_the_new_one(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{old} is called {MODULES[old]} now"):
        module = importlib.import_module(old)
    new = importlib.import_module(MODULES[old])
    same = [name for name, value in vars(new).items() if getattr(value, "__module__", "") == new.__name__]
    assert same
    assert all(getattr(module, name) is getattr(new, name) for name in same if f"{old}.{name}" not in NAMES)
    for name, now in NAMES.items():
        if name.rpartition(".")[0] == old:
            with pytest.warns(DeprecationWarning, match=now):
                assert getattr(module, name.rpartition(".")[2]) is found(now)


@pytest.mark.slow
def test_an_old_import_still_works() -> None:
    code = "from visus.runs.evaluate import Evaluation, evaluate; from visus.runs.training import resume, train"
    answer = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert "visus.runs.evaluate is called visus.runs.classify.evaluate now" in answer.stderr


@pytest.mark.slow
def test_an_old_module_hides_no_new_function(trained_run: Any, tmp_path: Path) -> None:
    code = (
        "import visus, visus.runs.evaluate, visus.runs.predict; from visus.runs import evaluate as old; "
        f"run = visus.Run({str(trained_run.folder)!r}); print(visus.evaluate(run, out={str(tmp_path)!r}).split, "
        "callable(visus.predict), callable(old.evaluate))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["test", "True", "True"]


def test_a_module_that_never_was_is_missing() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("visus.runs.no_such_module")
