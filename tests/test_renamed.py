"""Old names work for one release more, and warn."""

import importlib
import subprocess
import sys

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
    with pytest.warns(DeprecationWarning, match=f"{old} is called {NAMES[old]} now"):
        value = getattr(module, name)
    assert value is found(NAMES[old])


def test_old_modules_and_the_names_in_them() -> None:
    lines = ["import warnings", "warnings.simplefilter('ignore')", "import importlib"]
    for old, new in MODULES.items():
        lines.append(f"assert importlib.import_module({old!r}).__spec__ is not None")
        inner = {name: now for name, now in NAMES.items() if name.rpartition(".")[0] == old}
        for name, now in inner.items():
            home, _, own = now.rpartition(".")
            lines.append(f"from {old} import {name.rpartition('.')[2]} as a")
            lines.append(f"from {home} import {own} as b; assert a is b, {name!r}")
        lines.append(f"importlib.import_module({new!r})")
    lines += [
        "from visus.runs.evaluate import evaluate",
        "from visus.runs.classify.evaluate import evaluate as now",
        "assert evaluate is now",
        "from visus.runs.training import resume, train",
        "warnings.simplefilter('error')",
        "import visus.runs.evaluate",
        "try: visus.runs.predict.Predictor",
        "except DeprecationWarning as error: print(error)",
    ]
    answer = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "visus.runs.classify.predict.ClassifyPredictor" in answer.stdout


def test_a_module_that_never_was_is_missing() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("visus.runs.no_such_module")
