"""Segmentation: how well networks answer on public data, and what they cost.

    python benchmarks/segment.py [fcn|segnet|deeplab|unet|vnet|crf|step|compiled|predict|sooner] --data DATA
        [--keep FOLDER] [--before SRC] [--epochs N]

Without a name all parts run, one after the other. ``--keep`` is where runs are kept; without it they are thrown away.
``--before`` is the source of visus 0.1, beside which ``sooner`` measures, and ``--epochs`` how many the default gets.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

import visus
from search import cpu_and_wall
from visus.ops import crf
from visus.tasks import pixel_metrics

CAMVID = {"ignore": ("11",), "window": (224, 224), "batch_size": 8}


def train(data: Path, folder: Path, title: str, **settings: Any) -> Any:
    """Train, and print what the network answers on val and test."""
    started = time.perf_counter()
    run = visus.train("segment", data, runs=folder, say=lambda text: print(f"  {text}", file=sys.stderr), **settings)
    seconds = time.perf_counter() - started
    row(title, run, seconds=seconds, epochs=run.summary["epochs"])
    return run


def row(title: str, run: Any, *, seconds: float, epochs: int | str = "", **options: Any) -> None:
    """Print one line of measures on the test split."""
    found = run.evaluate(split="test", **options)
    val = run.summary["best"]["val_mean_iou"]
    print(
        f"{title:34} {val:8.2%} {found.mean_iou:9.2%} {found.pixel_accuracy:8.2%} "
        f"{pixel_metrics.mean(found.dices):8.4f} {epochs!s:>7} {seconds:8.0f}",
        flush=True,
    )


HEAD = f"{'':34} {'val mIoU':>8} {'test mIoU':>9} {'pixels':>8} {'Dice':>8} {'epochs':>7} {'seconds':>8}"


def fcn(data: Path, folder: Path) -> None:
    """CamVid at full resolution: FCN-32s, then 16s from its weights, then 8s from those."""
    print(f"\nfcn: CamVid, 480x360, windows of 224\n{HEAD}", flush=True)
    backbone = {**CAMVID, "backbone": "efficientnet_lite0"}
    before = train(data / "camvid", folder, "FCN-32s on EfficientNet-Lite0", net="fcn32s", epochs=22, **backbone)
    for net, title in (("fcn16s", "FCN-16s"), ("fcn8s", "FCN-8s")):
        later = {**backbone, "weights": str(before.folder), "epochs": 12, "lr_decay": 0.5}
        before = train(data / "camvid", folder, f"{title}, from the one above", net=net, **later)
    row("FCN-8s, three scales and mirrored", before, seconds=0, scales=(0.75, 1.0, 1.25), flip=True)
    with_crf(before, "FCN-8s with CRF, tuned on val")


def segnet(data: Path, folder: Path) -> None:
    """CamVid: SegNet from random weights."""
    print(f"\nsegnet: CamVid, windows of 128 pixels\n{HEAD}", flush=True)
    settings = {**CAMVID, "window": (128, 128), "net": "segnet", "weights": "none", "windows": 1, "epochs": 12}
    run = train(data / "camvid", folder, "SegNet, random weights", **settings)
    with_crf(run, "SegNet with CRF, tuned on val")


def deeplab(data: Path, folder: Path) -> None:
    """CamVid: DeepLab on EfficientNet-Lite0 with a large field of view, with and without its CRF."""
    print(f"\ndeeplab: CamVid, windows of 160, then of 224 pixels\n{HEAD}", flush=True)
    settings = {**CAMVID, "net": "deeplab", "backbone": "efficientnet_lite0"}
    small = train(
        data / "camvid", folder, "DeepLab-LargeFOV on Lite0", **settings | {"window": (160, 160), "epochs": 20}
    )
    later = settings | {"weights": str(small.folder), "window": (224, 224), "epochs": 6, "lr_decay": 0.5}
    run = train(data / "camvid", folder, "the same on larger windows", **later)
    with_crf(run, "DeepLab with CRF, tuned on val")


def with_crf(run: Any, title: str) -> None:
    """Tune a CRF on val, and print what it makes of the answers to test."""
    from visus.runs.segment.tune_crf import crf_of, tune_crf

    tune_crf(run.folder, trials=20, say=lambda text: print(f"  {text}", file=sys.stderr))
    row(title, run, seconds=0, crf_settings=crf_of(run.folder))


def unet(data: Path, folder: Path) -> None:
    """ISBI 2012: 20 slices to learn from, 4 to choose by, the last 6 to test."""
    print(f"\nunet: ISBI 2012, the last 6 slices held out\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "isbi"
        for split, numbers in (("train", range(20)), ("val", range(20, 24)), ("test", range(24, 30))):
            for kind in ("images", "labels"):
                target = root / split / kind
                target.mkdir(parents=True)
                for number in numbers:
                    source = data / "isbi2012" / "train" / kind / f"{number:02}.png"
                    (target / source.name).symlink_to(source)
        settings: dict[str, Any] = {"net": "unet", "elastic": 8.0, "border": 5.0, "augment": "strong", "epochs": 150}
        settings |= {
            "padded": True,
            "window": (192, 192),
            "batch_size": 4,
            "width": 32,
            "lr": 5e-4,
            "windows": 1,
            "batch_norm": False,
        }
        run = train(root, folder, "U-Net, padded, 32 channels", **settings)
        found = run.evaluate(split="test")
        print(f"  membrane: IoU {found.ious[0]:.4f}, Dice {found.dices[0]:.4f}", flush=True)


def vnet(data: Path, folder: Path) -> None:
    """Hippocampus: V-Net with Dice loss."""
    print(f"\nvnet: hippocampus, 26 volumes to test\n{HEAD}", flush=True)
    settings: dict[str, Any] = {
        "net": "vnet",
        "loss": "cross_entropy+dice",
        "batch_norm": True,
        "width": 8,
        "windows": 1,
    }
    settings |= {"epochs": 30, "batch_size": 2, "lr": 2e-3, "flip": False}  # a hippocampus has a front and a back
    run = train(data / "hippocampus", folder, "V-Net, 8 channels, batch norm", **settings)
    found = run.evaluate(split="test")
    print(f"  Dice: anterior {found.dices[1]:.4f}, posterior {found.dices[2]:.4f}", flush=True)


def interleaved(
    *works: Callable[[], object], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """The median time of each work in milliseconds, done in turn."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, own in zip(works, times, strict=True):
            started = clock()
            work()
            own.append(1000 * (clock() - started))
    return [statistics.median(own) for own in times]


def peak_of(work: Callable[..., object], *arguments: object) -> float:
    """How much more memory a process holds at most for some work, in GB; in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_peak, work, arguments).result()


def _peak(work: Callable[..., object], arguments: tuple[object, ...]) -> float:
    before = _most_memory(forget=True)
    work(*arguments)
    return (_most_memory() - before) / 1e6


def _most_memory(*, forget: bool = False) -> int:
    """The largest resident set of this process so far, or since it was last forgotten, in kB; on Linux."""
    if forget:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def measure_crf(_data: Path, _folder: Path) -> None:
    """The dense CRF: 500x375 pixels, 21 classes, 10 iterations; and beside a brute-force mean field at 100x75."""
    from skimage import data as pictures

    print("\ncrf: 21 classes, 10 iterations")
    random = np.random.default_rng(0)
    whole = pictures.astronaut()[:375, :500]
    probabilities = random.dirichlet(np.ones(21), whole.shape[:2]).transpose(2, 0, 1).astype(np.float32)
    cpu = time.process_time()
    (wall,) = interleaved(lambda: crf.refine(probabilities, whole), rounds=3)
    print(f"500x375: {wall / 1000:.2f} s, {(time.process_time() - cpu) / 3:.2f} s of CPU")
    beside_pydensecrf(probabilities, whole)
    print(f"memory beside the arguments: {peak_of(crf.refine, probabilities, whole):.2f} GB")
    small, answers = whole[::5, ::5], np.ascontiguousarray(probabilities[:, ::5, ::5])
    settings = crf.Settings()
    ours, theirs = interleaved(
        lambda: crf.refine(answers, small, settings), lambda: brute_force(answers, small, settings), rounds=2
    )
    error = np.abs(crf.refine(answers, small, settings) - brute_force(answers, small, settings)).mean()
    print(f"100x75: {ours:.0f} ms, brute force {theirs:.0f} ms, ratio {theirs / ours:.0f}; mean difference {error:.4f}")


def beside_pydensecrf(probabilities: np.ndarray, picture: np.ndarray) -> None:
    """The authors' code, where it is installed: CPU time on one core, the least of five; ten pictures of 100x75.

    It is built by ``pip install cython setuptools``, and then ``pip install --no-build-isolation pydensecrf2``.
    """
    try:
        from pydensecrf.densecrf import DenseCRF2D
    except ImportError:
        return
    s = crf.Settings()

    def theirs(given: np.ndarray, shown: np.ndarray) -> np.ndarray:
        classes, height, width = given.shape
        field = DenseCRF2D(width, height, classes)
        unary = -np.log(np.maximum(given, 1e-8)).reshape(classes, -1)
        field.setUnaryEnergy(np.ascontiguousarray(unary, np.float32))
        field.addPairwiseGaussian(sxy=s.gamma, compat=s.smoothness)
        field.addPairwiseBilateral(sxy=s.alpha, srgb=s.beta, rgbim=np.ascontiguousarray(shown), compat=s.appearance)
        return np.array(field.inference(s.iterations)).reshape(given.shape)

    spent: dict[str, list[float]] = {"ours": [], "pydensecrf2": []}
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    for _ in range(5):
        for name, refine in (("ours", crf.refine), ("pydensecrf2", theirs)):
            start = time.process_time()
            refine(probabilities, picture)
            spent[name].append(time.process_time() - start)
    ours, others = min(spent["ours"]), min(spent["pydensecrf2"])
    os.sched_setaffinity(0, cores)
    print(f"CPU on one core: {ours:.2f} s, pydensecrf2 {others:.2f} s, ratio {ours / others:.2f}")
    for name, refine in (("ours", crf.refine), ("pydensecrf2", theirs)):
        errors, labels = [], []
        for top, left in np.ndindex(2, 5):
            part = (slice(None), slice(top, None, 5), slice(left, None, 5))
            given, shown = np.ascontiguousarray(probabilities[part]), np.ascontiguousarray(picture[part[1:]])
            exact, found = brute_force(given, shown, s), refine(given, shown)
            errors.append(np.abs(exact - found).mean())
            labels.append((exact.argmax(0) != found.argmax(0)).mean())
        print(f"100x75, ten pictures, {name}: mean error {np.mean(errors):.5f}, other labels {np.mean(labels):.2%}")


def brute_force(probabilities: np.ndarray, picture: np.ndarray, s: crf.Settings) -> np.ndarray:
    """Mean field with every pair of pixels written out, row by row."""
    classes, height, width = probabilities.shape
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1).reshape(-1, 2)
    colors = picture.reshape(-1, 3)
    points = [np.hstack([places / s.alpha, colors / s.beta]), places / s.gamma]

    def rows(point: np.ndarray) -> Any:
        square = (point**2).sum(1)
        for start in range(0, len(point), 500):
            part = point[start : start + 500]
            yield start, np.exp(part @ point.T - square[start : start + 500, None] / 2 - square / 2)

    sums = [np.concatenate([k.sum(1) for _, k in rows(point)]) for point in points]
    unary = -np.log(np.maximum(probabilities.reshape(classes, -1).T, 1e-8))
    q = probabilities.reshape(classes, -1).T.astype(np.float64)
    for _ in range(s.iterations):
        message = np.zeros_like(q)
        for weight, point, total in zip((s.appearance, s.smoothness), points, sums, strict=True):
            root = 1 / np.sqrt(total)[:, None]
            for start, kernel in rows(point):
                message[start : start + len(kernel)] += (
                    weight * root[start : start + len(kernel)] * (kernel @ (root * q))
                )
        energy = message - unary
        q = np.exp(energy - energy.max(1, keepdims=True))
        q /= q.sum(1, keepdims=True)
    return q.T.reshape(probabilities.shape)


def step(_data: Path, _folder: Path) -> None:
    """A training step and a prediction of FCN-8s beside segmentation_models.pytorch's U-Net with the same backbone."""
    import segmentation_models_pytorch as smp

    print("\nstep: EfficientNet-Lite0, 8 pictures of 224x224 (step), one of 480x352 (prediction), 11 classes")
    ours = visus.nets.create("fcn8s", classes=11, backbone="efficientnet_lite0")
    theirs = smp.Unet("timm-tf_efficientnet_lite0", encoder_weights=None, classes=11)
    x, labels = torch.rand(8, 3, 224, 224), torch.randint(0, 11, (8, 224, 224))
    picture = torch.rand(1, 3, 352, 480)
    steps, answers = [], []
    for net in (ours, theirs):
        net.to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(net.parameters())

        def once(net: Any = net, optimizer: Any = optimizer) -> None:
            net.train()
            loss = torch.nn.functional.cross_entropy(net(x.contiguous(memory_format=torch.channels_last)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        def answer(net: Any = net) -> None:
            net.eval()
            with torch.inference_mode():
                net(picture.contiguous(memory_format=torch.channels_last))

        steps.append(once)
        answers.append(answer)
    for title, works, rounds in (("training step", steps, 7), ("prediction", answers, 11)):
        own, peer = interleaved(*works, rounds=rounds)
        print(f"{title:16} FCN-8s {own:8.1f} ms   smp U-Net {peer:8.1f} ms   ratio {own / peer:.3f}", flush=True)


def compiled(_data: Path, _folder: Path) -> None:
    """An answer to a picture by torch, and compiled for this CPU: processor seconds, and how far off."""
    from visus.nets import segmentation
    from visus.nets.segmentation.trained import About, Trained
    from visus.ops import Normalize
    from visus.runs.segment import hastened

    print("\ncompiled: a picture of 480x360, 11 classes, processor milliseconds of an answer")
    classes, palette = tuple("abcdefghijk"), ((0, 0, 0),) * 11
    nets: dict[str, dict[str, Any]] = {
        "fcn8s": {"backbone": "efficientnet_lite0"},
        "deeplab": {"backbone": "efficientnet_lite0"},
        "unet": {"width": 16, "padded": True},
    }
    picture = torch.randint(0, 256, (1, 3, 360, 480), dtype=torch.uint8)
    for name, options in nets.items():
        net = segmentation.create(name, classes=11, **options)
        about = About(name, options, classes, (224, 224), palette)
        network = Trained(about, net.requires_grad_(False), Normalize(torch.zeros(3, 1, 1))).on("cpu")
        quick = hastened.Hastened(network)
        for _ in range(hastened.FEW):
            quick.probabilities(picture)
        other = quick.probabilities(picture)
        off = float((other - network.probabilities(picture)).abs().max())
        torchs, own = interleaved(
            lambda network=network: network.probabilities(picture),
            lambda quick=quick: quick.probabilities(picture),
            rounds=11,
            clock=time.process_time,
        )
        print(
            f"{name:16} torch {torchs:8.1f} ms   compiled {own:8.1f} ms   ratio {own / torchs:.3f}   "
            f"probabilities differ by at most {off:.1e}",
            flush=True,
        )


def predict(_data: Path, folder: Path) -> None:
    """A picture of 10,000 x 10,000 pixels in bounded memory."""
    from visus.nets import trained
    from visus.nets.segmentation.trained import About, Trained
    from visus.ops import Normalize

    print("\npredict: FCN-8s on EfficientNet-Lite0")
    net = visus.nets.create("fcn8s", classes=3, backbone="efficientnet_lite0")
    about = About("fcn8s", {"backbone": "efficientnet_lite0"}, ("a", "b", "c"), (224, 224), ((0, 0, 0),) * 3)
    trained.write(folder / "net.safetensors", Trained(about, net, Normalize(torch.zeros(3, 1, 1))))
    for side in (2_000, 10_000):
        started = time.perf_counter()
        peak = peak_of(_predict, folder / "net.safetensors", side)
        pixels = 4 * side**2 / 1e9
        seconds = time.perf_counter() - started
        print(f"{side}x{side}: {seconds:.0f} s, {peak:.2f} GB of memory, {pixels:.2f} GB of them picture and mask")


def _predict(file: Path, side: int) -> None:
    from visus.runs.segment.predict import SegmentPredictor

    picture = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    SegmentPredictor(file).predict(picture)


_TRAIN = "import json, sys, visus; visus.train('segment', sys.argv[1], runs=sys.argv[2], **json.loads(sys.argv[3]))"
_BEFORE = {"epochs": 22 + 12 + 12, "val": 0.6711, "test": 0.5605}
"""How many epochs the chain of FCN-32s, 16s and 8s took, and the mean IoU that it came to."""


def sooner(data: Path, folder: Path, before: Path, epochs: int) -> None:
    """What 0.1 took for its FCN-8s, from trainings of one epoch and of two, and what the default takes for as much."""
    print("\nsooner: CamVid, processor seconds of whole trainings; of 0.1 from one epoch and from two")
    print(f"{'':10} {'epochs':>6} {'val mIoU':>8} {'test mIoU':>9} {'CPU s':>7}", flush=True)
    command = [sys.executable, "-c", _TRAIN, str(data / "camvid"), str(folder)]
    old = {**CAMVID, "net": "fcn32s", "backbone": "efficientnet_lite0", "workers": 0}
    one, two = (cpu_and_wall([*command, json.dumps({**old, "epochs": n})], before)[0] for n in (1, 2))
    whole = one + (two - one) * (_BEFORE["epochs"] - 1)
    print(f"{'0.1':10} {_BEFORE['epochs']:6} {_BEFORE['val']:8.2%} {_BEFORE['test']:9.2%} {whole:7.0f}", flush=True)
    new = {"ignore": CAMVID["ignore"], "epochs": epochs, "workers": 0}
    cpu, *_ = cpu_and_wall([*command, json.dumps(new)])
    run = max((folder / "segment").glob("camvid-*"), key=lambda own: int(own.name.rsplit("-", 1)[1]))
    val, test = (visus.evaluate(run, split=split) for split in ("val", "test"))
    print(f"{'visus':10} {epochs:6} {val.mean_iou:8.2%} {test.mean_iou:9.2%} {cpu:7.0f}   ratio {cpu / whole:.2f}")


PARTS = {
    "fcn": fcn,
    "segnet": segnet,
    "deeplab": deeplab,
    "unet": unet,
    "vnet": vnet,
    "crf": measure_crf,
    "step": step,
    "compiled": compiled,
    "predict": predict,
}
NEED_DATA = ("fcn", "segnet", "deeplab", "unet", "vnet", "sooner")


def main() -> None:
    """Run one part or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS, "sooner"])
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--before", type=Path, help="the source of visus 0.1")
    parser.add_argument("--epochs", type=int, default=5, help="of the default, in sooner")
    arguments = parser.parse_args()
    for name in ("data", "keep", "before"):  # processes are started elsewhere
        if (path := getattr(arguments, name)) is not None:
            setattr(arguments, name, path.resolve())
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for name in arguments.part or [*PARTS, "sooner"]:
            if name in NEED_DATA and arguments.data is None:
                print(f"\n{name}: skipped; name the data sets with --data DATA")
                continue
            if name != "sooner":
                PARTS[name](arguments.data, folder)
            elif arguments.before is None:
                print("\nsooner: skipped; name the source of visus 0.1 with --before SRC")
            else:
                sooner(arguments.data, folder, arguments.before, arguments.epochs)


if __name__ == "__main__":
    main()
