"""Small sets of labeled pictures: probe, fine-tuning, and fine-tuning as another build does it, over sets and seeds.

    python benchmarks/small_sets.py --data DATA [--before SRC] [--seeds 2] [--tests 30] [SET ...]

Each set has a few pictures of each class to learn from, from which val is cut; of the others so many of each class are
the test. ``--before`` names the ``src`` folder of another build, which trains in turn with this one. Seconds are those
of the processor, of all processes; trainings run in processes of their own. ``logistic`` is scikit-learn's logistic
regression on the probe's own features. ``plain`` is a loop in torch, as tutorials have it, which gets as many
seconds as ``finetune`` took: all layers of the same network learn from its weights, batch normalization in training
mode, AdamW at 3e-4 down to 0 along a cosine, the same changes of pictures, on train and val together; what it answers
at its end counts.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SETS: dict[str, tuple[str, int, bool]] = {
    "flowers5-20": ("flowers5/train", 20, False),
    "corel1k-20": ("corel1k", 20, False),
    "corel1k-gray-20": ("corel1k", 20, True),
    "kth_tips_gray-10": ("kth_tips_gray", 10, False),
    "flowers5-100": ("flowers5/train", 100, False),
}
"""Folder of classes, pictures of each to learn from, and whether they are made gray."""

WAYS: dict[str, dict[str, Any]] = {
    "probe": {"mode": "probe"},
    "finetune": {},
    "finetune, refit": {"refit": True},
    "finetune, norms of each batch": {"norms": "batch"},
}
PICTURES = (".jpg", ".png")
_TIMED = 3  # steps after which the others are planned


def make(name: str, data: Path, root: Path, *, seed: int, tests: int) -> Path:
    """The folder ``root/{train,test}/CLASS`` of a set, of links or of gray copies."""
    from PIL import Image

    source, count, gray = SETS[name]
    import random

    place = root / f"{name}-{seed}"
    for folder in sorted(path for path in (data / source).iterdir() if path.is_dir()):
        files = sorted(path for path in folder.iterdir() if path.suffix in PICTURES)
        random.Random(seed).shuffle(files)
        for split, own in (("train", files[:count]), ("test", files[count : count + tests])):
            target = place / split / folder.name
            target.mkdir(parents=True)
            for file in own:
                if gray:
                    Image.open(file).convert("L").save((target / file.name).with_suffix(".png"))
                else:
                    (target / file.name).symlink_to(file)
    return place


def one(data: Path, settings: dict[str, Any]) -> None:
    """Train once, and print what came of it as a line of JSON."""
    from visus.runs import train

    with tempfile.TemporaryDirectory() as place:
        run: Any = train("classify", data, runs=place, **settings)
        trained = _cpu()
        test = run.evaluate(split="test").top1
        said = {"val": run.summary["best"]["val_accuracy"], "epoch": run.summary["best"]["epoch"]}
        if settings.get("mode") == "probe":
            said["logistic"] = logistic(run)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps({"test": test, "cpu": trained, "gb": memory, **said}))


def plain(data: Path, seed: int, seconds: float) -> None:
    """Train in a plain loop for so many processor seconds, and print what came of it as a line of JSON."""
    import torch

    from visus.runs.classify.network import build
    from visus.runs.classify.resolve import load, resolve
    from visus.runs.classify.settings import ClassifySettings

    asked = ClassifySettings(data=str(data), seed=seed, workers=0, device="cpu", precision="f32")
    dataset = load(asked)
    parts = build(resolve(asked, dataset), dataset.joined("train", "val"))
    net, batches = parts.net.train().requires_grad_(True), parts.loader("train")
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-4, weight_decay=1e-2)
    steps, done, began = math.inf, 0, _cpu()
    while done < steps:
        for x, labels in batches:
            for group in optimizer.param_groups:
                group["lr"] = 3e-4 * (1 + math.cos(math.pi * done / steps)) / 2
            logits = net(parts.normalize(x).contiguous(memory_format=torch.channels_last))
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(logits, labels).backward()
            optimizer.step()
            done += 1
            if done == _TIMED:
                steps = max(_TIMED, round(_TIMED * (seconds - began) / (_cpu() - began)))
            if done >= steps:
                break
    trained = _cpu()
    net.eval()
    with torch.no_grad():
        right = [net(parts.normalize(x)).argmax(1) == labels for x, labels in parts.loader("test")]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"test": float(torch.cat(right).double().mean()), "cpu": trained, "gb": memory}))


def _cpu() -> float:
    """Processor seconds of this process and of those that it started."""
    own = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in own)


def logistic(run: Any) -> float:
    """Share of the test pictures that logistic regression answers right, on the features of the run's network."""
    import dataclasses

    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from visus.runs.classify.network import build
    from visus.runs.classify.probe import features
    from visus.runs.classify.resolve import load

    dataset = load(run.settings)
    parts = build(dataclasses.replace(run.settings, mode="probe"), dataset)
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    fitted.fit(features(parts, "train").numpy(), dataset.splits["train"].labels)
    return float(fitted.score(features(parts, "test").numpy(), dataset.splits["test"].labels))


def measured(data: Path, settings: dict[str, Any], source: Path) -> dict[str, float]:
    """What a training by some build came to, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, __file__, "--one", json.dumps(settings), "--data", str(data)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(found.stdout.splitlines()[-1])


def main() -> None:
    """Train all ways on all sets, in turn, and print a line for each and their means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=list(SETS)[:4], help=f"of {', '.join(SETS)}")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("VISUS_DATA"), required="VISUS_DATA" not in os.environ
    )
    parser.add_argument("--before", type=Path, help="the src folder of another build")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tests", type=int, default=30, help="test pictures of each class")
    parser.add_argument("--size", type=int, help="side of the input")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one is not None:
        if "plain" in said.one:
            plain(said.data, said.one["seed"], said.one["plain"])
        else:
            one(said.data, said.one)
        return
    here = Path(__file__).parents[1] / "src"
    ways = [(name, WAYS[name], here) for name in said.ways]
    ways += [("finetune, before", {}, said.before)] if said.before else []
    print(f"{'set':18} {'seed':>4}  {'':30} {'val':>7} {'test':>7} {'best epoch':>10} {'CPU s':>7} {'GB':>5}")
    total: dict[str, list[dict[str, float]]] = {}
    for name in said.sets:
        for seed in range(said.seeds):
            with tempfile.TemporaryDirectory() as root:
                data = make(name, said.data, Path(root), seed=seed, tests=said.tests)
                for title, settings, source in ways:
                    size = {"size": said.size} if said.size else {}
                    found = measured(data, {**settings, **size, "seed": seed}, source)
                    total.setdefault(title, []).append(found)
                    _line(name, str(seed), title, found)
                    if title == "finetune":
                        peer = measured(data, {"plain": found["cpu"], "seed": seed}, here)
                        total.setdefault("plain", []).append(peer)
                        _line(name, str(seed), "plain", peer)
                    if "logistic" in found:
                        total.setdefault("logistic", []).append({"test": found["logistic"]})
                        print(f"{name:18} {seed:4}  {'logistic':30} {'':7} {found['logistic']:7.1%}", flush=True)
    for title, rows in total.items():
        keys = rows[0]
        _line("mean", "", title, {key: statistics.mean(row[key] for row in rows) for key in keys})


def _line(name: str, seed: str, title: str, found: dict[str, float]) -> None:
    val, epoch, cpu, memory = (found.get(key, float("nan")) for key in ("val", "epoch", "cpu", "gb"))
    print(
        f"{name:18} {seed:>4}  {title:30} {val:7.1%} {found['test']:7.1%} {epoch:10.1f} {cpu:7.1f} {memory:5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
