"""Trainings and studies over HTTP, as they are on the disk."""

import json
from pathlib import Path

from tests.server.test_api import client_of, error_of
from visus import Run


def write_run(folder: Path, rows: str, status: str) -> None:
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('task = "classify"\nepochs = 30\n')
    (folder / "summary.json").write_text(json.dumps({"status": status}))
    (folder / "metrics.csv").write_text(f"epoch,train_loss,val_loss,val_accuracy,seconds\n{rows}")


def test_trainings_and_studies(tmp_path: Path, trained_run: Run) -> None:
    write_run(tmp_path / "classify" / "a-1", "1,0.9,0.8,0.5,1.5\n2,nan,0.6,0.75,1.5\n3,0.5", "started")
    write_run(tmp_path / "classify" / "b-1", "1,0.9,0.8,0.5,1.5\n", "finished")
    study = tmp_path / "tune" / "s-1"
    study.mkdir(parents=True)
    (study / "trials.csv").write_text(
        "trial,stage,state,lr,score\n0,coarse,complete,0.01,0.8\n1,fine,pruned,0.1,\n2,fine,fail,0.2,\n"
    )
    (tmp_path / "classify" / "link").symlink_to(trained_run.folder)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "metrics.csv").write_text("a\n1\n")
    with client_of(runs=(trained_run.folder,), trainings=tmp_path) as own:
        found = {one["name"]: one for one in own.get("/trainings").json()["trainings"]}
        assert set(found) == {"classify/a-1", "classify/b-1", "tune/s-1"}
        running = found["classify/a-1"]
        assert [running[key] for key in ("status", "done", "total", "best", "score")] == [
            "running", 2, 30, 0.75, "accuracy",
        ]  # fmt: skip
        assert found["classify/b-1"]["status"] == "finished"
        assert [found["tune/s-1"][key] for key in ("task", "done", "best")] == ["tune", 2, 0.8]
        table = own.get("/trainings/classify/a-1").json()
        assert table["rows"] == [[1, 0.9, 0.8, 0.5, 1.5], [2, None, 0.6, 0.75, 1.5]]  # NaN is nothing in JSON
        assert [found["tune/s-1"][key] for key in ("status", "total")] == ["running", None]  # one of 0.1
        for wanted, status in ((3, "running"), (2, "finished")):
            (study / "study.json").write_text(json.dumps({"trials": wanted}))
            told = own.get("/trainings/tune/s-1").json()
            assert [told[key] for key in ("status", "done", "total")] == [status, 2, wanted]
        (study / "trials.csv").rename(study / "later.csv")
        assert own.get("/trainings/tune/s-1").json()["done"] == 0
        (study / "later.csv").rename(study / "trials.csv")
        assert own.get("/trainings/tune/s-1").json()["rows"][1] == [1, "fine", "pruned", 0.1, None]
        for path in ("classify/c-1", "classify/link", "..%2fsecret/x", "secret/metrics.csv", "classify/..%2f.."):
            error_of(own.get(f"/trainings/{path}"), 404)
        name = own.get("/runs").json()["runs"][0]["name"]
        assert len(own.get(f"/runs/{name}/metrics").json()["rows"]) == 12
    with client_of(runs=(trained_run.folder,)) as own:
        assert "--trainings" in error_of(own.get("/trainings"), 404)
