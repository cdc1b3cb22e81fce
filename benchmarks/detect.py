"""Detection: R-CNN and its successors with one small backbone on public data, and what they cost.

    python benchmarks/detect.py [PART ...] --data DATA [--net NET] [--keep FOLDER] [--before SRC]

Parts: pasted, bccd, lower, localizer, step, features, answers, memory, sooner.

Without a name all parts run, one after the other. ``--net`` trains one network alone. ``--keep`` is where runs are
kept; without it they are thrown away. ``--before`` is the source of visus 0.1, beside which ``memory`` and ``sooner``
measure.
"""

import argparse
import contextlib
import csv
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import visus
from search import cpu_and_wall
from visus.images import read
from visus.nets import detection

BACKBONE = "efficientnet_lite0"
HEAD = (
    f"{'':15} {'AP50':>7} {'AP':>7} {'shapes AP50':>11} {'shapes AP':>9} {'s/picture':>9} {'proposing':>9} "
    f"{'epochs':>6} {'s/epoch':>7} {'minutes':>7}"
)
_TIMED = 20  # pictures


@contextlib.contextmanager
def empty_cache() -> Iterator[None]:
    """Without the proposals that were found before."""
    before = os.environ.get("VISUS_CACHE")
    with tempfile.TemporaryDirectory() as place:
        os.environ["VISUS_CACHE"] = place
        try:
            yield
        finally:
            os.environ.pop("VISUS_CACHE")
            if before is not None:
                os.environ["VISUS_CACHE"] = before


def seconds_of_a_picture(folder: Path, files: list[str]) -> tuple[float, float]:
    """The median time of an answer, and of the selective search in it."""
    from visus.ops import proposals
    from visus.runs.detect.predict import DetectPredictor

    with empty_cache():
        network = DetectPredictor(folder)
        network.predict(read(files[0]))
        whole, part = [], []
        for file in files[1 : _TIMED + 1]:
            picture = read(file)
            started = time.perf_counter()
            network.predict(picture)
            whole.append(time.perf_counter() - started)
            if network.network.net.needs_proposals:
                started = time.perf_counter()
                proposals.selective_search(picture, most=network.about.most)
                part.append(time.perf_counter() - started)
    return statistics.median(whole), statistics.median(part) if part else 0.0


def seconds_of_epochs(folder: Path) -> list[float]:
    """What each epoch of a run took."""
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        return [float(row["seconds"]) for row in csv.DictReader(file)]


def train(title: str, data: Path, folder: Path, split: str, **settings: Any) -> Any:
    """Train a detector, and print its line of the table."""
    started = time.perf_counter()
    run = visus.train("detect", data, runs=folder, say=lambda text: print(f"  {text}", file=sys.stderr), **settings)
    minutes = (time.perf_counter() - started) / 60
    found: Any = run.evaluate(split=split)
    epochs = seconds_of_epochs(run.folder)
    whole, part = seconds_of_a_picture(run.folder, found.pictures.files)
    shapes = f"{found.shapes.ap50:11.2%} {found.shapes.ap:9.2%}" if found.shapes else f"{'-':>11} {'-':>9}"
    print(
        f"{title:15} {found.ap50:7.2%} {found.ap:7.2%} {shapes} {whole:9.3f} {part:9.3f} "
        f"{len(epochs):6} {statistics.median(epochs):7.0f} {minutes:7.1f}",
        flush=True,
    )
    return run


PASTED: dict[str, dict[str, Any]] = {
    "rcnn": {"most": 300},
    "fast_rcnn": {"epochs": 6, "most": 1000},
    "faster_rcnn": {"epochs": 16, "augment": "strong", "side": 320},
    "mask_rcnn": {"epochs": 8, "side": 320},
    "faster_rcnn_fpn": {"epochs": 24, "augment": "strong"},
    "mask_rcnn_fpn": {"epochs": 8, "augment": "strong"},
    "cascade": {"net": "faster_rcnn_fpn", "stages": 3, "epochs": 14, "augment": "strong"},
}
BCCD: dict[str, dict[str, Any]] = {
    "rcnn": {"most": 300},
    "fast_rcnn": {"epochs": 5, "side": 400},
    "faster_rcnn": {"epochs": 8, "side": 400},
    "faster_rcnn_fpn": {"epochs": 8, "augment": "strong"},
}


def pasted(data: Path, folder: Path, nets: list[str], begun: str | None) -> None:
    """Six classes of objects laid on backgrounds, with shapes; measured on val.

    Mask R-CNN begins with the layers of the last Faster R-CNN before it, or of the run ``begun``.
    """
    print(f"\npasted: 400 pictures of 320x240 to learn from, 100 of val, {BACKBONE}\n{HEAD}", flush=True)
    print("R-CNN has 300 proposals a picture; Mask R-CNN begins with Faster R-CNN's layers, whose time comes on top")
    for net in nets or PASTED:
        settings = {"net": net, "backbone": BACKBONE, **PASTED[net]}
        if net.startswith("mask_rcnn"):
            settings["weights"] = begun or "imagenet"
        run = train(net, data / "pasted", folder, "val", **settings)
        begun = str(run.folder) if net.startswith("faster_rcnn") else begun


def bccd(data: Path, folder: Path, nets: list[str], _begun: str | None) -> None:
    """Blood cells and platelets under a microscope; measured on test."""
    print("\nbccd has no shapes, and so no Mask R-CNN")
    print(f"bccd: 205 pictures of 640x480 to learn from, 72 of test, {BACKBONE}\n{HEAD}", flush=True)
    print("R-CNN has 300 proposals a picture")
    for net in nets or BCCD:
        train(net, data / "bccd", folder, "test", **{"net": net, "backbone": BACKBONE, **BCCD[net]})


def interleaved(
    *works: Callable[[], object], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """The median time of each work in seconds, done in turn."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, own in zip(works, times, strict=True):
            started = clock()
            work()
            own.append(clock() - started)
    return [statistics.median(own) for own in times]


_FEW = {"train": 60, "val": 20, "test": 72}  # pictures of a small bccd
LOWER: dict[str, Any] = {"net": "faster_rcnn", "backbone": BACKBONE, "epochs": 6, "side": 256, "workers": 0}


def few(data: Path, place: Path) -> Path:
    """The first pictures of each split of bccd, in links."""
    for split, count in _FEW.items():
        names = (data / "ImageSets" / "Main" / f"{split}.txt").read_text().split()[:count]
        for folder, ending in (("JPEGImages", ".jpg"), ("Annotations", ".xml")):
            (place / folder).mkdir(parents=True, exist_ok=True)
            for name in names:
                (place / folder / f"{name}{ending}").symlink_to((data / folder / f"{name}{ending}").resolve())
        (place / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
        (place / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))
    return place


def lower(data: Path, folder: Path, *_: Any) -> None:
    """Layers up to stride 4 kept, beside all layers that learn: 60 pictures of bccd, measured on test, in turn."""
    print(f"\nlower: {_FEW['train']} pictures of bccd, 6 epochs at a shorter side of 256; {_FEW['test']} of test")
    print(f"{'':8} {'seed':>4} {'AP':>7} {'AP50':>7} {'AP75':>7} {'CPU s':>7}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        pictures = few(data / "bccd", Path(place))
        for seed in range(2):
            for way in ("kept", "learn") if seed % 2 == 0 else ("learn", "kept"):
                started = time.process_time()
                run: Any = visus.train("detect", pictures, runs=folder, lower=way, seed=seed, **LOWER)
                seconds = time.process_time() - started
                found = run.evaluate(split="test")
                print(
                    f"{way:8} {seed:4} {found.ap:7.2%} {found.ap50:7.2%} {found.boxes.ap75:7.2%} {seconds:7.0f}",
                    flush=True,
                )


def localizer(data: Path, folder: Path, *_: Any) -> None:
    """The objects of ``pasted``, each cut out: class, then box, then both, beside both from the beginning."""
    print("\nlocalizer: objects of pasted cut out, 9 epochs, measured on val")
    print(f"{'':8} {'localized':>9} {'class':>7} {'mean IoU':>8} {'s/epoch':>7} {'minutes':>7}", flush=True)
    for title, staged in (("staged", True), ("joint", False)):
        started = time.perf_counter()
        run = visus.train("localize", data / "pasted", runs=folder, crops=True, staged=staged, side=160, epochs=9)
        minutes = (time.perf_counter() - started) / 60
        found: Any = run.evaluate(split="val").localization
        print(
            f"{title:8} {found.localized:9.2%} {found.accuracy:7.2%} {found.mean_iou:8.2%} "
            f"{statistics.median(seconds_of_epochs(run.folder)):7.1f} {minutes:7.1f}",
            flush=True,
        )


def step(*_: Any) -> None:
    """A step and an answer of the bare network of Faster R-CNN beside torchvision's with the same backbone."""
    print(f"\nstep: Faster R-CNN on {BACKBONE}, 4 pictures of 320x240 (step), one (prediction), 6 classes", flush=True)
    ours = detection.create("faster_rcnn", classes=6, backbone=BACKBONE, pooling="align", side=240, boxes=32)
    nets = [ours, torchvision_detector(ours.train())]
    torch.manual_seed(0)
    pictures = [torch.rand(3, 240, 320) for _ in range(4)]
    box = torch.tensor([[20.0, 30, 120, 160], [150, 60, 280, 200]])
    steps, answers = [], []
    for net in nets:
        net.to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-5)

        def once(net: Any = net, optimizer: Any = optimizer) -> None:
            net.train()
            own = [{"boxes": box, "labels": torch.tensor([1, 2])} for _ in pictures]
            losses = net.losses(pictures, own) if net is ours else net(pictures, own)
            optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()

        def answer(net: Any = net) -> None:
            net.eval()
            with torch.inference_mode():
                _ = net.detect(pictures[:1]) if net is ours else net(pictures[:1])

        steps.append(once)
        answers.append(answer)
    for title, works, rounds in (("training step", steps, 11), ("prediction", answers, 21)):
        own, peer = interleaved(*works, rounds=rounds)
        print(f"{title:14} visus {own:7.3f} s   torchvision {peer:7.3f} s   ratio {own / peer:.3f}", flush=True)


def torchvision_detector(ours: Any) -> Any:
    """Torchvision's Faster R-CNN on one map of stride 16, with the sizes and as many proposals as ours.

    It lets anchors count that cross the border of the picture.
    """
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
    from torchvision.ops import MultiScaleRoIAlign

    from visus.nets.detection.body import cut, hold_norms

    halves: Any = cut(BACKBONE)
    halves.body.out_channels = halves.channels
    sizes = tuple(size * 240 / 600 for size in (128, 256, 512))
    net = FasterRCNN(
        halves.body,
        min_size=240,
        max_size=400,
        rpn_anchor_generator=AnchorGenerator((sizes,), ((0.5, 1.0, 2.0),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], halves.size, 2),
        box_head=halves.head,
        box_predictor=FastRCNNPredictor(halves.dimension, 7),
        rpn_pre_nms_top_n_train=12_000,
        rpn_pre_nms_top_n_test=6_000,
        rpn_post_nms_top_n_train=ours.rpn.post_nms_top_n(),
        rpn_post_nms_top_n_test=300,
        box_batch_size_per_image=32,
    )
    train = net.train

    def held(mode: bool = True) -> Any:
        train(mode)
        hold_norms(net)
        return net

    net.train = held
    return net


def features(*_: Any) -> None:
    """What R-CNN sees in the boxes of one picture, computed by torch and by the backbone compiled for this CPU."""
    from visus.nets.detection.rcnn import RCNN
    from visus.runs.detect.proposals import hasten

    print(f"\nfeatures: R-CNN on {BACKBONE}, 300 boxes of a picture of 320x240, each warped to 128x128", flush=True)
    torch.manual_seed(0)
    corners = torch.rand(300, 2) * torch.tensor([240.0, 180])
    boxes, picture = torch.cat([corners, corners + 20 + 60 * torch.rand(300, 2)], 1), torch.rand(3, 240, 320)
    plain, quick = (RCNN(classes=6, backbone=BACKBONE, side=128).eval() for _ in range(2))
    hasten(quick, len(boxes))
    torchs, compiled = interleaved(
        lambda: plain.features(picture, boxes), lambda: quick.features(picture, boxes), rounds=7
    )
    print(f"torch {torchs:7.3f} s   compiled {compiled:7.3f} s   ratio {compiled / torchs:.3f}", flush=True)


def answers(*_: Any) -> None:
    """An answer of the network by torch, and by its parts compiled for this CPU: processor seconds, and how far off."""
    from visus.runs.detect.hastened import hastened

    print(f"\nanswers: {BACKBONE}, a picture of 320x240, 6 classes, processor seconds of an answer", flush=True)
    picture = torch.rand(3, 240, 320, generator=torch.Generator().manual_seed(0))
    corners = torch.rand(100, 2, generator=torch.Generator().manual_seed(1)) * torch.tensor([240.0, 180])
    boxes = torch.cat([corners, corners + 60], 1)
    for name in ("faster_rcnn", "mask_rcnn"):
        torch.manual_seed(0)
        plain = detection.create(name, classes=6, weights="imagenet", backbone=BACKBONE, side=240)
        plain.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        quick = hastened(plain)
        torchs, compiled = interleaved(
            lambda net=plain: net.detect([picture]),
            lambda net=quick: net.detect([picture]),
            rounds=15,
            clock=time.process_time,
        )
        with torch.inference_mode():
            own, other = (net.box_scores([picture], [boxes]).softmax(1) for net in (plain, quick))
        off = float((own - other).abs().max())
        print(
            f"{name:14} torch {torchs:7.3f} s   compiled {compiled:7.3f} s   ratio {compiled / torchs:.3f}   "
            f"scores of 100 boxes differ by at most {off:.1e}",
            flush=True,
        )


SOONER: dict[str, tuple[dict[str, Any], str, float, dict[str, Any]]] = {
    "bccd": ({"epochs": 8, "side": 400}, "test", 0.4639, {"epochs": 4, "augment": "strong"}),
    "pasted": ({"epochs": 16, "side": 320, "augment": "strong"}, "val", 0.2958, {"epochs": 7, "augment": "strong"}),
}
"""How 0.1 trained its Faster R-CNN, on which split it was measured, and the AP that its benchmark printed; and what the
default of today is given."""

_TRAIN = "import json, sys, visus; visus.train('detect', sys.argv[1], runs=sys.argv[2], **json.loads(sys.argv[3]))"


def sooner(data: Path, folder: Path, before: Path) -> None:
    """What 0.1 took for its AP, from trainings of one epoch and of two, and what the default takes for as much."""
    print(f"\nsooner: {BACKBONE}, processor seconds of whole trainings; of 0.1 from one epoch and from two", flush=True)
    print(
        f"{'':10} {'0.1 AP':>7} {'epochs':>6} {'CPU s':>6} {'AP':>7} {'epochs':>6} {'CPU s':>6} {'ratio':>6}",
        flush=True,
    )
    for name, (old, split, ap, new) in SOONER.items():
        command = [sys.executable, "-c", _TRAIN, str(data / name), str(folder)]
        few_epochs = [{**old, "net": "faster_rcnn", "backbone": BACKBONE, "epochs": n, "workers": 0} for n in (1, 2)]
        one, two = (cpu_and_wall([*command, json.dumps(settings)], before)[0] for settings in few_epochs)
        cpu, *_ = cpu_and_wall([*command, json.dumps({**new, "workers": 0})])
        run = max((folder / "detect").glob(f"{name}-*"), key=lambda own: int(own.name.rsplit("-", 1)[1]))
        found: Any = visus.evaluate(run, split=split)
        whole = one + (two - one) * (old["epochs"] - 1)
        print(
            f"{name:10} {ap:7.2%} {old['epochs']:6} {whole:6.0f} {found.ap:7.2%} {new['epochs']:6} {cpu:6.0f} "
            f"{cpu / whole:6.2f}",
            flush=True,
        )


def memory(data: Path, folder: Path, before: Path | None) -> None:
    """Peak memory of a whole ``visus train detect`` at 320 pixels, in each of two builds."""
    print("\nmemory: 60 pictures of bccd, one epoch at a shorter side of 320", flush=True)
    with tempfile.TemporaryDirectory() as place:
        pictures = few(data / "bccd", Path(place))
        for name, source in {"visus": None, **({"0.1": before} if before else {})}.items():
            command = [sys.executable, "-m", "visus", "train", "detect", str(pictures), "--epochs", "1"]
            *_, peak = cpu_and_wall([*command, "--size", "320", "--runs", str(folder)], source)
            print(f"{name:8} {peak / 1e3:5.2f} GB", flush=True)


PARTS: dict[str, Callable[..., None]] = {
    "pasted": pasted,
    "bccd": bccd,
    "lower": lower,
    "localizer": localizer,
    "step": step,
    "features": features,
    "answers": answers,
    "memory": memory,
    "sooner": sooner,
}
NEED_DATA = ("pasted", "bccd", "lower", "localizer", "memory", "sooner")


def main() -> None:
    """Run one part or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--net", action="append", default=[])
    parser.add_argument("--from", dest="begun", metavar="RUN", help="Faster R-CNN that Mask R-CNN begins with")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--before", type=Path, help="the source of visus 0.1")
    arguments = parser.parse_args()
    for name in ("data", "keep", "before"):  # processes are started elsewhere
        if (path := getattr(arguments, name)) is not None:
            setattr(arguments, name, path.resolve())
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for name in arguments.part or PARTS:
            if name in NEED_DATA and arguments.data is None:
                print(f"\n{name}: skipped; name the data sets with --data DATA")
                continue
            if name == "sooner" and arguments.before is None:
                print(f"\n{name}: skipped; name the source of visus 0.1 with --before SRC")
                continue
            if name in {"memory", "sooner"}:
                PARTS[name](arguments.data, folder, arguments.before)
            else:
                PARTS[name](arguments.data, folder, arguments.net, arguments.begun)


if __name__ == "__main__":
    main()
