"""Which smoothing beats which noise, and how fast the filters are beside their peers.

    python benchmarks/filters.py
    python benchmarks/filters.py --cpu    the third part alone

1. PSNR and SSIM over the twelve pictures of denoise/set12, for each noise and each filter with the best of some sizes.
2. Milliseconds for one megapixel, in turn with the peer.
3. CPU time on one core, in turn with OpenCV.
"""

import os
import time

import cv2
import numpy as np
import scipy.ndimage

from place import options
from visus import filters
from visus.images import noise, read

NOISES = {
    "Gaussian, sigma 25": lambda p, seed: noise.gaussian(p, sigma=25 / 255, seed=seed),
    "salt and pepper, 10 %": lambda p, seed: noise.salt_and_pepper(p, amount=0.1, seed=seed),
    "impulse, 10 %": lambda p, seed: noise.impulse(p, amount=0.1, seed=seed),
    "Poisson, peak 30": lambda p, seed: noise.poisson(p, peak=30, seed=seed),
    "speckle, sigma 0.2": lambda p, seed: noise.speckle(p, sigma=0.2, seed=seed),
}
FILTERS = {
    "none": [("", lambda p: p)],
    "box": [(f"{k}", lambda p, k=k: filters.box(p, size=k)) for k in (3, 5, 7)],
    "Gaussian": [(f"{s}", lambda p, s=s: filters.gaussian(p, sigma=s)) for s in (0.6, 0.8, 1.0, 1.3, 1.6)],
    "median": [(f"{k}", lambda p, k=k: filters.median(p, size=k)) for k in (3, 5, 7)],
    "bilateral": [
        (f"{s}, {t}", lambda p, s=s, t=t: filters.bilateral(p, sigma=s, tolerance=t))
        for s in (1.5, 3.0)
        for t in (0.1, 0.2, 0.3)
    ],
}


def quality(folder):
    """Print for each noise what each filter makes of it."""
    pictures = [read(path)[:, :, 0] for path in sorted(folder.glob("*.png"))]
    print(f"{len(pictures)} pictures: mean PSNR in dB / SSIM with the best setting of those tried\n")
    print(f"| noise | {' | '.join(FILTERS)} |\n|{'---|' * (len(FILTERS) + 1)}")
    for name, model in NOISES.items():
        noisy = [model(picture, seed) for seed, picture in enumerate(pictures)]
        cells = []
        for settings in FILTERS.values():
            tried = {}
            for label, smooth in settings:
                done = [smooth(p) for p in noisy]
                pairs = list(zip(done, pictures, strict=True))
                psnr = np.mean([filters.psnr(d, p) for d, p in pairs])
                tried[label] = (psnr, np.mean([filters.ssim(d, p) for d, p in pairs]))
            label = max(tried, key=lambda k: tried[k][0])
            cells.append(f"{tried[label][0]:.2f} / {tried[label][1]:.3f}{f' ({label})' if label else ''}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def in_turn(calls, turns):
    """Median milliseconds of several calls, measured in turn; a slow one fewer times."""
    times = [[] for _ in calls]
    for turn in range(turns + 1):
        for call, each in zip(calls, times, strict=True):
            if each and sum(each) > 5:
                continue
            began = time.perf_counter()
            call()
            if turn or time.perf_counter() - began > 2:
                each.append(time.perf_counter() - began)
    return [1e3 * float(np.median(each)) for each in times]


def row(name, ours, peer_name, peer, turns=9):
    """Print one line of the table of speeds."""
    mine, theirs = in_turn([ours, peer], turns)
    print(f"| {name} | {mine:.1f} | {peer_name} | {theirs:.1f} | {theirs / mine:.2f} |", flush=True)


def speed(folder):
    """Print milliseconds for one megapixel."""
    parts = [cv2.resize(read(path)[:, :, 0], (512, 512)) for path in sorted(folder.glob("*.png"))[:4]]
    eight = np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])
    wide = eight.astype(np.uint16) * 257 + np.random.default_rng(0).integers(0, 257, eight.shape).astype(np.uint16)
    real = wide.astype(np.float32) / 65535
    print("\n| 1024x1024 | visus ms | peer | peer ms | peer / visus |\n|---|---|---|---|---|")
    for size in (7, 15, 31):
        for kind, picture in (("uint16", wide), ("float32", real)):
            row(
                f"median {size}x{size}, {kind}",
                lambda p=picture, k=size: filters.median(p, size=k),
                "scipy.ndimage.median_filter",
                lambda p=picture, k=size: scipy.ndimage.median_filter(p, k),
                3,
            )
        row(
            f"median {size}x{size}, uint16",
            lambda k=size: filters.median(wide, size=k),
            "cv2.medianBlur on uint8",
            lambda k=size: cv2.medianBlur(eight, k),
        )
    for sigma in (2, 5, 10, 20, 50, 100):
        row(
            f"Gaussian, sigma {sigma}, float32",
            lambda s=sigma: filters.gaussian(real, sigma=s),
            "cv2.GaussianBlur",
            lambda s=sigma: cv2.GaussianBlur(real, (0, 0), s, borderType=cv2.BORDER_REFLECT),
            5,
        )
    rng = np.random.default_rng(0)
    for size in (5, 11, 21, 51):
        kernel = rng.standard_normal((size, size)).astype(np.float32)
        row(
            f"convolve {size}x{size}, float32",
            lambda k=kernel: filters.convolve(real, k),
            "cv2.filter2D",
            lambda k=kernel: cv2.filter2D(real, -1, k, borderType=cv2.BORDER_REFLECT),
        )
    row(
        "bilateral, sigma 3, float32",
        lambda: filters.bilateral(real, sigma=3.0, tolerance=0.1),
        "cv2.bilateralFilter",
        lambda: cv2.bilateralFilter(real, 13, 0.1, 3),
        3,
    )


def on_one_core(folder):
    """Print CPU time beside OpenCV's for one megapixel."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    eight = cv2.resize(read(sorted(folder.glob("*.png"))[0])[:, :, 0], (1024, 1024))
    real = (eight / 255).astype(np.float32)
    rng = np.random.default_rng(0)
    works = {}
    for sigma in (0.8, 1, 2):
        for kind, picture in (("uint8", eight), ("float32", real)):
            works[f"Gaussian, sigma {sigma}, {kind}"] = (
                lambda p=picture, s=sigma: filters.gaussian(p, sigma=s),
                lambda p=picture, s=sigma: cv2.GaussianBlur(p, (0, 0), s, borderType=cv2.BORDER_REFLECT),
            )
    for size in (5, 11):
        kernel = rng.standard_normal((size, size)).astype(np.float32)
        works[f"convolve {size}x{size}, float32"] = (
            lambda k=kernel: filters.convolve(real, k),
            lambda k=kernel: cv2.filter2D(real, -1, k, borderType=cv2.BORDER_REFLECT),
        )
    for size in (5, 31, 101):
        works[f"median {size}x{size}, uint8"] = (
            lambda k=size: filters.median(eight, size=k),
            lambda k=size: cv2.medianBlur(eight, k),
        )
    print("\n| 1024x1024, one core | visus ms of CPU | OpenCV | visus / OpenCV |\n|---|---|---|---|")
    for name, pair in works.items():
        times = [[], []]
        for _ in range(61):
            for call, each in zip(pair, times, strict=True):
                began = time.process_time()
                call()
                each.append(1e3 * (time.process_time() - began))
        ours, theirs = (float(np.median(each)) for each in times)
        print(f"| {name} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |", flush=True)


def main():
    """Run what the command line asks for."""
    data, said = options(__doc__, cpu="CPU time on one core alone")
    folder = data / "denoise/set12"
    if not said.cpu:
        quality(folder)
        speed(folder)
    on_one_core(folder)


if __name__ == "__main__":
    main()
