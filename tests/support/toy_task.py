"""A task that nobody of visus knows: is a picture brighter than the training pictures are on average?"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import nn

from visus.data import LabelSet, load
from visus.images import read
from visus.images.result import Result
from visus.nets import file
from visus.runs.answers import one_by_one
from visus.runs.engine.measuring import data_of, remarks_on, split_of
from visus.runs.engine.progress import Epoch
from visus.runs.record.fields import Setting, documented
from visus.runs.record.folder import settings_beside
from visus.runs.record.settings import NET, TrainSettings


@documented
@dataclass(frozen=True, kw_only=True)
class ToySettings(TrainSettings):
    """How the threshold is found."""

    task: ClassVar[str] = "toy"
    net: Annotated[str, Setting("The only network: threshold.")] = "threshold"
    margin: Annotated[float, Setting("Added to the mean.", NET, "[0, 1)")] = 0.0


@dataclass(frozen=True)
class Answer(Result):
    path: str
    bright: bool

    def to_dict(self) -> dict[str, Any]:
        return {"file": self.path, "bright": self.bright}

    def describe(self) -> str:
        return f"{self.path} bright: {self.bright}"


@dataclass(frozen=True)
class Share(Result):
    split: str
    bright: float
    remarks: list[str]

    def to_dict(self) -> dict[str, Any]:
        return {"split": self.split, "bright": self.bright, "remarks": self.remarks}

    def describe(self) -> str:
        return f"{self.split}: {self.bright:.0%} are bright"


class ToyPredictor:
    def __init__(self, run: str | os.PathLike[str]) -> None:
        saved = file.open_saved(run)
        self.threshold = float(file.read_parts(saved.place)["net"]["bias"])

    def takes(self, name: str) -> bool:
        return name.endswith(".png")

    def predict(self, picture: Any) -> Answer:
        values = picture if isinstance(picture, np.ndarray) else read(picture)
        path = "" if isinstance(picture, np.ndarray) else os.fspath(picture)
        return Answer(path, bool(values.mean() > self.threshold))

    def predict_many(self, pictures: Any) -> Any:
        return one_by_one(self.predict, pictures)


@dataclass(frozen=True)
class ToyJob:
    settings: ToySettings
    data: LabelSet
    net: nn.Linear
    score = "share"
    is_share = True
    outline = "one threshold"

    def with_rate(self, lr: float) -> "ToyJob":
        return replace(self, settings=replace(self.settings, lr=lr))

    def learner(self) -> Any:
        raise NotImplementedError

    def loader(self, split: str) -> Any:
        raise NotImplementedError

    def learn(self, callbacks: Any, keep: Any, hooks: Any, checkpoint: Path | None) -> None:
        pictures = self.data.splits["train"]
        mean = np.mean([pictures.read(place).mean() for place in range(len(pictures))])
        self.net.bias.data.fill_(float(mean) + 255 * self.settings.margin)
        keep.note(Epoch(1, 0.0, 0.0, float("nan"), 0.0, 1.0, 0.0))
        keep.on_epoch(keep.epochs[-1])

    def save(self, path: Path) -> None:
        about = {"task": "toy", "net": "threshold", "classes": list(self.data.classes)}
        file.write(path, about, self.net, nn.Identity())

    def draw(self, folder: Path) -> None:
        (folder / "drawn.txt").write_text("nothing to draw")


@dataclass(frozen=True)
class ToyTask:
    name = "toy"
    wanted = "pictures that are bright or dark"
    light = ""
    settings = ToySettings

    def load(self, settings: ToySettings, progress: Any = None) -> LabelSet:
        return load(settings.data, seed=settings.seed, val=settings.val, test=settings.test)

    def resolve(self, settings: ToySettings, data: LabelSet) -> ToySettings:
        return replace(settings, epochs=1, lr=1.0, device="cpu", precision="f32", augment="none", health=False)

    def begin(self, settings: ToySettings, data: LabelSet) -> ToyJob:
        return ToyJob(settings, data, nn.Linear(1, 1, dtype=torch.float32))

    def indivisible(self, settings: ToySettings) -> str:
        return "A threshold is found by one process"

    def predictor(self, run: str | os.PathLike[str], **options: Any) -> ToyPredictor:
        return ToyPredictor(run, **options)

    def evaluate(self, run: Any, data: Any = None, *, split: str | None = None, **options: Any) -> Share:
        saved = file.open_saved(run)
        dataset = data_of(saved, settings_beside(saved.place, ToySettings), data, load=self.load, whole=load)
        chosen = split_of(dataset, split)
        predictor, pictures = self.predictor(saved), dataset.splits[chosen]
        bright = np.mean([predictor.predict(pictures.read(place)).bright for place in range(len(pictures))])
        return Share(chosen, float(bright), remarks_on(saved.home, dataset, chosen))


TASK = ToyTask()
