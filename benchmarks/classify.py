"""Training of classifiers: accuracy on Fashion-MNIST and flowers, and what a step and a probe cost.

python benchmarks/classify.py fashion [--fashion FOLDER]   an MLP and a small CNN on Fashion-MNIST
python benchmarks/classify.py flowers --data DATA          EfficientNet-Lite0: probe and fine-tuning
python benchmarks/classify.py step                         a step of ours beside a bare PyTorch loop
python benchmarks/classify.py probe --data DATA            epochs on features beside epochs through the network
python benchmarks/classify.py thirds                       a step of fine-tuning, by how much learns
python benchmarks/classify.py precision                    bfloat16 beside float32
python benchmarks/classify.py memory --data DATA [--before SRC]   of fine-tuning 255 pictures; SRC is another source

Fashion-MNIST: on Debian `apt-get install dataset-fashion-mnist`; elsewhere its four idx files in a folder.
"""

import argparse
import dataclasses
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from search import cpu_and_wall
from visus.data import Batches, Features, Pictures, loader
from visus.ops import Normalize
from visus.runs import ClassifySettings, Run, train
from visus.runs.classify.half_frozen import MANY, HalfFrozen
from visus.runs.classify.network import Parts, build
from visus.runs.classify.probe import LinearOnFeatures, features
from visus.runs.classify.resolve import resolve
from visus.runs.classify.training import Classification, groups_of, recipe_of
from visus.runs.engine.loop import Checkpointer, Health, Seeded, fit
from visus.tasks import unfreeze
from visus.tasks.classify import Classify, Recipe

PARTS = ("step", "thirds", "precision", "fashion", "probe", "flowers", "memory")
FASHION = Path("/usr/share/datasets/fashion-mnist")
MLP = {"net": "mlp", "hidden": (256, 128), "augment": "none", "epochs": 10, "batch_size": 128, "dropout": 0.2}
FLOWERS = {"epochs": 8, "lr": 2e-3, "lr_decay": 0.5}
CNN = {
    "net": "cnn", "augment": "none", "epochs": 6, "batch_size": 128, "lr": 0.01, "schedule": "one_cycle",
    "precision": "bf16" if torch.cpu._is_amx_tile_supported() else "f32",
}  # fmt: skip


def measured(title: str, data: Path, **settings: object) -> None:
    """Train, measure on the test split, and print a line of a table."""
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        run: Run = train("classify", data, runs=place, **settings)
        seconds = time.perf_counter() - start
        found = run.evaluate(split="test")
        best = run.summary["best"]
        print(
            f"{title:34} {best['val_accuracy']:8.2%} {found.top1:8.2%} {found.macro_f1:9.4f} "
            f"{found.calibration_error():7.4f} {run.summary['epochs']:7} {seconds:8.0f}",
            flush=True,
        )


def header() -> None:
    """The first line of such a table."""
    print(f"{'':34} {'val':>8} {'test':>8} {'macro F1':>9} {'ECE':>7} {'epochs':>7} {'seconds':>8}")


def fashion(folder: Path) -> None:
    """Fashion-MNIST from scratch."""
    header()
    measured("mlp 784-256-128-10", folder, **MLP)
    measured("cnn, 288,170 parameters", folder, **CNN)


def flowers(folder: Path) -> None:
    """Transfer learning with the default network."""
    header()
    measured("efficientnet_lite0 probe, 224 px", folder / "flowers5", mode="probe")
    measured("efficientnet_lite0 finetune, 128 px", folder / "flowers5", mode="finetune", size=128, **FLOWERS)


def medians(kinds: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each measure, taken in turn, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(rounds + 1):
        for name, run in kinds.items():
            seconds = run()
            if number:
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def synthetic(net: str, size: int, count: int, batch_size: int, *, gray: bool) -> Parts:
    """A network and pictures in memory, without any file."""
    random = np.random.default_rng(0)
    shape = (count, size, size) if gray else (count, size, size, 3)
    pictures = Pictures(random.integers(0, 10, count), arrays=random.integers(0, 256, shape, dtype=np.uint8))
    from visus.data import LabelSet

    dataset = LabelSet(Path("memory"), "arrays", tuple("0123456789"), {"train": pictures, "val": pictures}, gray)
    options: dict[str, object] = {"net": net, "size": size, "batch_size": batch_size, "augment": "none"}
    settings = resolve(ClassifySettings(data="memory", mode="scratch", **options), dataset)  # pyright: ignore
    return build(dataclasses.replace(settings, device="cpu", precision="f32"), dataset)


def bare(parts: Parts) -> float:
    """Seconds of one epoch of a plain loop: the same network, loader, loss and optimizer, and nothing else."""
    net, normalize = parts.net.train(), parts.normalize
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    reading = parts.loader("train")
    start = time.perf_counter()
    for x, labels in reading:
        inputs = normalize(x).contiguous(memory_format=torch.channels_last)
        loss = torch.nn.functional.cross_entropy(net(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


class Clock(Seeded):
    """Seconds of the steps of the second epoch: the first is watched more closely, once in a training."""

    def on_train_epoch_start(self, trainer: object, pl_module: object) -> None:
        """Start."""
        self.start = time.perf_counter()

    def on_train_batch_end(self, trainer: object, pl_module: object, *batch: object) -> None:
        """Note the end of the latest step."""
        self.end = time.perf_counter()


def ours(parts: Parts) -> float:
    """Seconds of one epoch of visus, with metrics and the watch on health that every training has."""
    task = Classify(parts.net.train(), parts.normalize, recipe_of(parts), groups_of(parts))
    clock = Clock(0)
    fit(task, parts.loader("train"), _none(parts), parts.settings, [clock, Health(lambda _: None)], epochs=2)
    return clock.end - clock.start


def _none(parts: Parts) -> object:
    """A val split of one batch, which is not measured."""
    own = dataclasses.replace(parts.batches("val"), pictures=parts.dataset.splits["val"].take(np.arange(8)))
    return loader(own, own.pictures.labels, batch_size=8)


def step() -> None:
    """What a training step costs beside a bare loop."""
    print(f"{'':34} {'bare ms':>9} {'visus ms':>9} {'ratio':>7}")
    for net, size, batch_size, steps, gray in (
        ("mlp", 28, 128, 400, True),
        ("cnn", 28, 64, 100, True),
        ("resnet18", 64, 16, 60, False),
        ("efficientnet_lite0", 96, 16, 60, False),
    ):
        count = steps * batch_size
        parts = synthetic(net, size, count, batch_size, gray=gray)
        times = medians({"bare": lambda p=parts: bare(p), "ours": lambda p=parts: ours(p)}, 3)
        a, b = (times[name] / steps * 1e3 for name in ("bare", "ours"))
        print(f"{f'{net}, {size} px, batches of {batch_size}':34} {a:9.2f} {b:9.2f} {b / a:7.3f}", flush=True)


def probe(folder: Path) -> None:
    """Epochs on cached features beside epochs through the network, and how fast the features come."""
    from visus.data import load

    dataset = load(folder / "flowers5")
    settings = resolve(ClassifySettings(data=str(folder / "flowers5"), mode="probe"), dataset)
    parts = build(dataclasses.replace(settings, device="cpu", precision="f32"), dataset)
    count = len(dataset.splits["train"])
    start = time.perf_counter()
    found = features(parts, "train")
    cached = time.perf_counter() - start
    few = dataclasses.replace(dataset, splits={"train": dataset.splits["train"].take(np.arange(0, count, 10))})
    start = time.perf_counter()
    features(dataclasses.replace(parts, dataset=few), "train")
    plain = (time.perf_counter() - start) * count / len(few.splits["train"])

    labels = dataset.splits["train"].labels
    layer = LinearOnFeatures(parts.net.head, found)
    task = Classify(layer, torch.nn.Identity(), Recipe(1e-3), [(list(layer.linear.parameters()), 1.0)])
    own = loader(Features(found, labels), labels, batch_size=256, shuffle=True)
    keep = Checkpointer(lambda: None)
    fit(task, own, own, parts.settings, [keep], epochs=21)  # pyright: ignore[reportArgumentType]
    on_features = statistics.median(epoch.seconds for epoch in keep.epochs[1:])

    net = torch.nn.Sequential(Normalize.of_channels((0.5,) * 3, (0.5,) * 3), parts.net).train()
    parts.net.requires_grad_(False)
    parts.net.head.requires_grad_(True)
    batches = loader(Batches(few.splits["train"], 224, 256, "bicubic"), few.splits["train"].labels, batch_size=32)
    optimizer = torch.optim.AdamW(parts.net.head.parameters())
    start = time.perf_counter()
    for x, y in batches:
        torch.nn.functional.cross_entropy(net(x.contiguous(memory_format=torch.channels_last)), y).backward()
        optimizer.step()
        optimizer.zero_grad()
    through = (time.perf_counter() - start) * count / len(few.splits["train"])
    print(f"{count} pictures, efficientnet_lite0 at 224 px; the network's epoch and torch's features from a tenth")
    print(f"features once, OpenVINO            {cached:8.1f} s")
    print(f"features once, torch               {plain:8.1f} s")
    print(f"epoch of the probe                 {on_features:8.3f} s")
    print(f"epoch of the head through the net  {through:8.1f} s   ratio {through / on_features:.0f}")


def thirds() -> None:
    """What a step of fine-tuning costs by how many thirds of the network learn, in processor time."""
    size, batch_size = 224, 16
    parts = synthetic("efficientnet_lite0", size, batch_size, batch_size, gray=False)
    settings = dataclasses.replace(parts.settings, mode="finetune", weights="imagenet", norms="kept", lr_decay=0.3)
    x = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8)
    labels = torch.zeros(batch_size, dtype=torch.int64)
    works: dict[str, Callable[[], float]] = {}
    for count, compiled in ((3, False), (2, False), (2, True), (1, True)):
        own = Classification(dataclasses.replace(build(settings, parts.dataset), settings=settings))
        half = HalfFrozen(own.net, own.parts.normalize, can_compile=compiled)
        unfreeze.unfreeze(own.net, count)
        half.settle(MANY, x[:1])

        def once(half: HalfFrozen = half) -> float:
            start = time.process_time()
            torch.nn.functional.cross_entropy(half(x), labels).backward()
            half.zero_grad()
            return time.process_time() - start

        works[f"{count} of 3 thirds learn, the others {'compiled' if compiled else 'by torch'}"] = once
    times = medians(works, 3)
    whole = next(iter(times.values()))
    for name, seconds in times.items():
        print(f"{name:48} {1e3 * seconds / batch_size:7.1f} ms a picture   ratio {seconds / whole:.2f}", flush=True)


def precision() -> None:
    """Whole training steps in bfloat16 beside float32."""
    print(f"{'':34} {'f32 ms':>9} {'bf16 ms':>9} {'speed-up':>9}")
    for net, size, batch_size in (
        ("cnn", 28, 64),
        ("resnet18", 64, 32),
        ("googlenet_paper", 96, 16),
        ("efficientnet_lite0", 128, 32),
        ("mlp", 28, 128),
    ):
        parts = synthetic(net, size, 6 * batch_size, batch_size, gray=False)

        def run(kind: str, parts: Parts = parts) -> float:
            return ours(dataclasses.replace(parts, settings=dataclasses.replace(parts.settings, precision=kind)))

        times = medians({"f32": lambda: run("f32"), "bf16": lambda: run("bf16")}, 5)
        a, b = times["f32"] / 6 * 1e3, times["bf16"] / 6 * 1e3
        print(f"{f'{net}, {size} px, batches of {batch_size}':34} {a:9.2f} {b:9.2f} {a / b:9.2f}", flush=True)


def memory(folder: Path, before: Path | None) -> None:
    """Peak memory of a whole ``visus train`` that fine-tunes 255 pictures, in each of two builds."""
    with tempfile.TemporaryDirectory() as place:
        for own in sorted((folder / "train").iterdir()):
            for number, picture in enumerate(sorted(own.iterdir())[:71]):
                target = Path(place) / "data" / ("train" if number < 51 else "val") / own.name
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(picture, target)
        for name, source in {"visus": None, **({"the build before": before} if before else {})}.items():
            command = [sys.executable, "-m", "visus", "train", "classify", f"{place}/data", "--epochs", "1"]
            _, _, peak = cpu_and_wall([*command, "--runs", f"{place}/runs"], source)
            print(f"{name:20} {peak / 1e3:5.2f} GB", flush=True)


def main() -> None:
    """Run one part, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=PARTS)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--before", type=Path, help="memory: the src folder of another build")
    parser.add_argument("--fashion", type=Path, default=FASHION, help="folder with the idx files of Fashion-MNIST")
    said = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "step": step,
        "thirds": thirds,
        "precision": precision,
        "fashion": lambda: fashion(said.fashion),
        "probe": lambda: probe(said.data),
        "flowers": lambda: flowers(said.data),
        "memory": lambda: memory(said.data / "flowers5", said.before),
    }
    if said.part in (None, "probe", "flowers", "memory") and said.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    for name in [said.part] if said.part else parts:
        print(f"\n{name}")
        parts[name]()


if __name__ == "__main__":
    main()
