"""Answers to pictures of every kind, and graphs that answer the same."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from tests.support.bad_files import write_bad_files
from tests.support.labeled import idx_folder, texture, write_class
from visus import InputError, RunError, nets, read
from visus.nets import trained
from visus.nets.classification.trained import About, Trained
from visus.nets.segmentation.trained import About as SegmenterAbout
from visus.nets.segmentation.trained import Trained as TrainedSegmenter
from visus.ops import Normalize
from visus.runs import Run, train
from visus.runs.answers import Unreadable, files_beside, files_of
from visus.runs.classify.predict import ClassifyPredictor, ClassPrediction
from visus.runs.export import export
from visus.runs.segment.predict import SegmentPredictor


def _stripes(path: Path, mode: str) -> Path:
    picture = Image.fromarray(texture(2, 777, 16))
    if mode == "16":
        Image.fromarray(np.asarray(picture).astype(np.uint16) * 257).save(path)
    else:
        picture.convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "16"])
def test_pictures_of_every_kind(trained_run: Run, tmp_path: Path, mode: str) -> None:
    answer = trained_run.predict(_stripes(tmp_path / "p.png", mode))
    assert answer.label == "stripes"
    assert sum(answer.probabilities) == pytest.approx(1, abs=1e-5)
    assert list(answer.probabilities) == sorted(answer.probabilities, reverse=True)


def test_arrays_and_files_get_the_same_answer(trained_run: Run, tmp_path: Path) -> None:
    (path,) = write_class(tmp_path, 1, 1, first=800, side=16)
    predictor = ClassifyPredictor(trained_run.folder)
    from_file, from_array = predictor.predict(path), predictor.predict(read(path))
    assert from_file.classes == from_array.classes
    assert from_file.probabilities == from_array.probabilities
    assert predictor.predict(path, k=1).classes == from_file.classes[:1]
    from_file.save(tmp_path / "out.png")
    assert read(tmp_path / "out.png").shape[0] > 300
    shapes = ((2, 2, 2, 3), (4, 4, 4), (4, 4, 1), (0, 4, 3))
    for wrong in (np.zeros((4, 4, 3)), *(np.zeros(shape, np.uint8) for shape in shapes)):
        with pytest.raises(InputError, match="must be"):
            predictor.predict(wrong)  # pyright: ignore[reportArgumentType]
    for k in (0, -1, "a"):
        with pytest.raises(InputError, match="k must be"):
            predictor.predict(path, k=k)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="device must be"):
        ClassifyPredictor(trained_run.folder, device="tpu")


def test_exif_orientation_is_applied(trained_run: Run, tmp_path: Path) -> None:
    picture = Image.fromarray(texture(2, 5, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # it must be turned by a quarter to be upright
    picture.transpose(Image.Transpose.ROTATE_90).convert("RGB").save(tmp_path / "turned.jpg", exif=exif, quality=98)
    assert trained_run.predict(tmp_path / "turned.jpg").label == "stripes"


def test_many_with_broken_ones_among_them(trained_run: Run, tmp_path: Path) -> None:
    write_class(tmp_path / "a", 0, 5, first=600, side=16)
    bad = write_bad_files(tmp_path / "bad")
    answers = list(ClassifyPredictor(trained_run.folder).predict_many(files_of(tmp_path), batch_size=7))
    assert len(answers) == 5 + len(bad)
    good = [a for a in answers if isinstance(a, ClassPrediction)]
    assert [Path(a.path).name for a in good] == [f"{k:04d}.png" for k in range(600, 605)]
    assert {a.path for a in answers if isinstance(a, Unreadable)} == {str(path) for path in bad}
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures"):
        files_of(tmp_path / "empty")


def _pixels(size: int, count: int = 5) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("form", ["onnx", "torchscript"])
def test_an_exported_graph_answers_the_same_for_any_batch(trained_run: Run, tmp_path: Path, form: str) -> None:
    path = export(trained_run.folder, form, tmp_path / f"net.{form.replace('torchscript', 'pt')}")
    pixels = _pixels(16)
    expected = [ClassifyPredictor(trained_run.folder).predict(p, k=3).to_dict()["probabilities"] for p in pixels]
    if form == "onnx":
        session = onnxruntime.InferenceSession(path)
        found = np.asarray(session.run(None, {"pixels": pixels})[0])
        about = json.loads(session.get_modelmeta().custom_metadata_map["visus"])
    else:
        files = {"visus.json": ""}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its own TorchScript old
            graph = torch.jit.load(str(path), _extra_files=files)
        found, about = graph(torch.from_numpy(pixels)).detach().numpy(), json.loads(files["visus.json"])
    assert about["classes"] == ["blob", "checks", "stripes"]
    assert about["grey"] is False  # as in the files of 0.1
    for row, values in zip(found, expected, strict=True):
        assert row == pytest.approx([values[name] for name in about["classes"]], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["cnn", "googlenet_paper", "efficientnet_lite0", "alexnet_paper"])
def test_every_kind_of_network_can_be_exported(tmp_path: Path, net: str) -> None:
    size = {"alexnet_paper": 67}.get(net, 32)
    about = About("classify", net, {}, ("a", "b"), size, size)
    network = Trained(about, nets.create(net, classes=2), Normalize.of_channels((0.5,) * 3, (0.3,) * 3))
    trained.write(tmp_path / "best.safetensors", network)
    for form in ("onnx", "torchscript"):
        assert export(tmp_path, form).stat().st_size > 10_000
    assert {p.name for p in tmp_path.iterdir()} == {"best.safetensors", "model.onnx", "model.json", "model.pt"}


SEGMENTERS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("fcn8s", {"backbone": "resnet18"}, (64, 96)),
    ("deeplab", {"backbone": "resnet18"}, (48, 64)),
    ("unet", {"width": 2, "channels": 1}, (60, 52)),
    ("vnet", {"width": 2}, (16, 16, 32)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("net", "options", "window"), SEGMENTERS, ids=[net for net, _, _ in SEGMENTERS])
def test_segmenters_can_be_exported(tmp_path: Path, net: str, options: dict[str, Any], window: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    gray, volumes = net == "unet", len(window) == 3
    channels = 1 if gray else 3
    about = SegmenterAbout(net, options, ("a", "b"), window, ((0, 0, 0), (9, 9, 9)), gray=gray or volumes)
    normalize = torch.nn.Identity() if volumes else Normalize.of_channels((0.5,) * channels, (0.3,) * channels)
    network = TrainedSegmenter(about, nets.segmentation.create(net, classes=2, **options).eval(), normalize)
    trained.write(tmp_path / "best.safetensors", network)
    path = export(tmp_path, "onnx", size=window)
    random = np.random.default_rng(1)
    picture: Any = random.integers(0, 256, (*window, 3), dtype=np.uint8)
    if volumes:
        picture = random.normal(size=window).astype(np.float32)
    found = np.asarray(onnxruntime.InferenceSession(path).run(None, {"pixels": picture[None]})[0])[0]
    # SegmentPredictor rounds the luma of a picture in colors to whole numbers, the graph does not.
    np.testing.assert_allclose(found, SegmentPredictor(tmp_path).probabilities(picture), atol=0.05 if gray else 1e-4)
    export(tmp_path, "torchscript", size=[2 * n for n in window])
    with pytest.raises(InputError, match="sides from 1 to"):
        export(tmp_path, "onnx", size=(64, 64, 64, 64))


@pytest.mark.slow
def test_a_network_that_remembers_positions_is_exported_too_and_errors_are_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = SegmenterAbout("segnet", {}, ("a", "b"), (32, 32), ((0, 0, 0), (9, 9, 9)))
    net = nets.segmentation.create("segnet", classes=2).eval()
    normalize = Normalize.of_channels((0.5,) * 3, (0.3,) * 3)
    trained.write(tmp_path / "best.safetensors", TrainedSegmenter(about, net, normalize))
    graph = onnxruntime.InferenceSession(export(tmp_path, "onnx", size=(32, 32)))
    assert np.asarray(graph.run(None, {"pixels": _pixels(32, 1)})[0]).shape == (1, 2, 32, 32)
    assert export(tmp_path, "torchscript").name == "model.pt"

    def fail(*_: object, **__: object) -> bytes:
        raise ValueError("no such operator")

    monkeypatch.setattr("visus.runs.export.to_onnx", fail)
    with pytest.raises(RunError, match=r"cannot be exported as onnx .* try torchscript"):
        export(tmp_path, "onnx", size=(32, 32))


def test_a_graph_that_answers_otherwise_is_not_written(trained_run: Run, tmp_path: Path, monkeypatch) -> None:
    from visus.runs import export as module

    monkeypatch.setattr(module, "_compared", lambda _, __, pixels: np.full((len(pixels), 3), 1 / 3))
    with pytest.raises(RunError, match="answers otherwise"):
        export(trained_run.folder, "onnx", tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
    with pytest.raises(InputError, match="format must be one of"):
        export(trained_run.folder, "tflite")
    with pytest.raises(InputError, match=r"m\.zip is no name for onnx, whose files end in \.onnx; name it m\.onnx\."):
        export(trained_run.folder, "onnx", tmp_path / "m.zip")
    with pytest.raises(InputError, match=r"m\.pt is no name for onnx, .*; say --format torchscript\."):
        export(trained_run.folder, "onnx", tmp_path / "m.pt")
    with pytest.raises(InputError, match="a size is for segmenters"):
        export(trained_run.folder, size=(64, 64))


def test_the_graph_of_a_classifier_is_opened_once_to_compare_it(
    trained_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, session = [], onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *own, **how: opened.append(1) or session(*own, **how))
    export(trained_run.folder, "onnx", tmp_path / "m.onnx")
    assert len(opened) == 1


def test_a_gray_network_takes_color_pictures_by_their_luma(tmp_path: Path) -> None:
    run = train("classify", idx_folder(tmp_path / "i"), net="mlp", hidden=(8,), epochs=2, runs=tmp_path, augment="none")
    assert run.load().about.gray
    path = export(run.folder, "onnx")
    pixels = _pixels(12)
    found = np.asarray(onnxruntime.InferenceSession(path).run(None, {"pixels": pixels})[0])
    for row, picture in zip(found, pixels, strict=True):
        values = run.predict(picture, k=3).to_dict()["probabilities"]
        assert row == pytest.approx([values[name] for name in ("0", "1", "2")], abs=0.02)


@pytest.mark.slow
def test_a_run_describes_pictures_for_the_index(tmp_path: Path) -> None:
    from visus import Index, PictureIndexError

    torch.manual_seed(0)
    for net, gray, size in (("cnn", True, 28), ("mlp", False, 16), ("resnet18", False, 32)):
        options: dict[str, Any] = {"channels": 1} if gray else {"size": size} if net == "mlp" else {}
        about = About("classify", net, options, ("a", "b"), size, size, "bilinear", gray)
        channels = 1 if gray else 3
        normalize = Normalize.of_channels((0.5,) * channels, (0.3,) * channels)
        folder = tmp_path / f"run-{net}"
        folder.mkdir()
        network = Trained(about, nets.create(net, classes=2, **options), normalize)
        trained.write(folder / "best.safetensors", network)
        photos = write_class(tmp_path / "p", 1, 6, side=size)
        index = Index(tmp_path / f"{net}.visus", model=folder)
        index.add(tmp_path / "p")
        hits = index.search(photos[2], k=1)
        assert hits.paths == [str(photos[2])]
        again = Index(tmp_path / f"{net}.visus")
        assert again.about["model"] == str(folder)
        vector = again.embedder()([read(photos[0])])[0]
        x = torch.from_numpy(read(photos[0]).transpose(2, 0, 1).copy())[None]
        with torch.inference_mode():
            expected = network.backbone.embed(normalize(x))[0]
        assert np.abs(vector - (expected / expected.norm()).numpy()).max() < 1e-4
        with pytest.raises(PictureIndexError, match="was made with"):
            Index(tmp_path / f"{net}.visus", model="efficientnet_lite0")
    shutil.rmtree(tmp_path / "run-cnn")
    with pytest.raises(RunError, match="holds no trained network"):
        Index(tmp_path / "cnn.visus").search(photos[0])


def test_answers_are_not_written_over_the_pictures(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for name in ("a.png", "sub/b.png", "found/a.jpg"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(photos / name)
    for places, out in (([photos], photos), ([photos / "a.png"], photos), ([photos / "sub"], photos)):
        with pytest.raises(InputError, match="--out"):
            files_beside(places, out)
    found = files_beside([photos], photos / "found")  # what was found before is no picture to ask about
    assert found == [str(photos / "a.png"), str(photos / "sub" / "b.png")]
    assert len(files_beside([photos, photos / "a.png"], tmp_path / "elsewhere")) == 4
