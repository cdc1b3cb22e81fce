"""The runs that are served: what each is, what it says of a picture, why, and how it is fooled."""

import contextlib
import threading
from pathlib import Path
from typing import Any

from visus._cores import cores
from visus._errors import InputError
from visus.images import draw
from visus.server import trainings
from visus.server.asked import Asked
from visus.server.data_urls import data_url, hexadecimal, scale
from visus.server.pictures import Pictures
from visus.server.refusals import Missing
from visus.server.settings import Settings
from visus.server.turns import Places, go_on

_OVERLAY = 1024  # longest side of pictures in answers, in pixels


class Networks:
    """Trained networks, by the names of their runs.

    Args:
        settings: How the server behaves.
        pictures: Open the pictures that requests are about.

    Attributes:
        runs: Their folders by their names.
        heavy: Places of what takes many cores.

    Raises:
        VisusError: A run cannot be opened.
    """

    def __init__(self, settings: Settings, pictures: Pictures) -> None:
        from visus.graphs.saved import open_saved

        self._pictures, self._device = pictures, settings.device
        self.heavy = Places(max(1, cores() // 2), settings.line)  # what runs on torch has threads of its own
        self._networks: dict[str, Any] = {}
        self._loading = threading.Lock()
        self.runs = {_name(folder): folder for folder in settings.runs}
        if len(self.runs) < len(settings.runs):
            raise InputError("Two runs have the same name; serve one of them, or rename its folder.")
        self._saved = {name: open_saved(folder) for name, folder in self.runs.items()}

    def folder(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            Missing: It is not served.
        """
        if name not in self.runs:
            raise Missing(f"There is no run {name!r} here; there are: {', '.join(self.runs) or 'none'}.")
        return self.runs[name]

    def task(self, name: str) -> str:
        """The task of a run.

        Raises:
            Missing: It is not served.
        """
        self.folder(name)
        return self._saved[name].task

    def about(self, name: str) -> dict[str, Any]:
        """What a run is."""
        self.folder(name)
        header = self._saved[name].header
        return {
            "name": name,
            "task": self.task(name),
            "net": header.get("net"),
            "classes": list(header.get("classes", ())),
            "curves": (self.folder(name) / "curves.png").is_file(),
        }

    def curves(self, name: str) -> bytes:
        """The learning curves of a run, PNG.

        Raises:
            Missing: It has none.
        """
        file = self.folder(name) / "curves.png"
        if not file.is_file():
            raise Missing(f"The run {name} has no learning curves.")
        return file.read_bytes()

    def metrics(self, name: str) -> dict[str, Any]:
        """How a run learned, as numbers: ``columns``, and ``rows``, one an epoch.

        Raises:
            Missing: It does not say.
        """
        found = trainings.metrics(self.folder(name))
        if not found["rows"]:
            raise Missing(f"The run {name} has no metrics.")
        return found

    def predict(self, name: str, asked: Asked, *, k: int = 5, overlay: bool = False) -> dict[str, Any]:
        """What a run says of a picture.

        Args:
            name: Name of the run.
            asked: The picture.
            k: Of a classifier: how many classes.
            overlay: Whether the answer is drawn on the picture too, where the task can.

        Raises:
            Missing: The run is not served.
        """
        network, task = self._network(name), self.task(name)
        with self._turn(task), self._pictures.picture(asked) as picture:
            found = network.predict(picture, k=k) if task == "classify" else network.predict(picture)
            values = {**found.to_dict(), "run": name, "task": task}
            values.pop("file", None)
            if overlay and hasattr(found, "overlay"):
                values["overlay"] = data_url(draw.fit(found.overlay(), min(_OVERLAY, max(picture.shape[:2]))))
            if task == "segment":
                values["colors"] = {name: hexadecimal(found.palette[k]) for k, name in enumerate(found.classes)}
        return values

    def _turn(self, task: str) -> contextlib.AbstractContextManager[None]:
        """A place for a prediction; a classifier's takes as long as a search, and needs none."""
        return contextlib.nullcontext() if task == "classify" else self.heavy.turn()

    def _network(self, name: str) -> Any:  # noqa: ANN401 - of its task
        from visus.runs.registry import task_of

        with self._loading:
            if name not in self._networks:
                self._networks[name] = task_of(self.task(name)).predictor(self._saved[name], device=self._device)
            return self._networks[name]

    def explain(self, name: str, asked: Asked, method: str, **options: Any) -> dict[str, Any]:
        """Which pixels speak for a class of a run.

        Args:
            name: Name of the run.
            asked: The picture.
            method: See :func:`visus.explain.saliency`, as the options.
            options: ``target``, ``at`` and ``box``.

        Raises:
            Missing: The run is not served.
            InputError: There is no such method or class, or ``at`` or ``box`` does not fit the network or the picture.
        """
        from visus.explain import saliency

        self.folder(name)
        with self.heavy.turn(), self._pictures.picture(asked) as picture:
            found = saliency(self._subject(name, options), picture, method=method, **options)  # pyright: ignore
        return {
            "run": name,
            "method": method,
            "class": found.name,
            "probability": found.probability,
            "gap": found.gap,
            "picture": data_url(found.marked),
            "overlay": data_url(found.overlay()),
            "scale": scale(),
        }

    def fool(self, name: str, asked: Asked, **options: Any) -> dict[str, Any]:
        """A change too small to see that changes the answer of a run.

        Args:
            name: Name of the run.
            asked: The picture.
            options: ``target``, ``epsilon`` and ``steps`` of :func:`visus.explain.fool`.

        Raises:
            Missing: The run is not served.
            InputError: There is no such class, or the run takes the picture for it already.
        """
        from visus.explain import fool

        self.folder(name)
        with self.heavy.turn(), self._pictures.picture(asked) as picture:
            found = fool(self._subject(name, options), picture, **options)
        return {
            "run": name,
            "names": found.names,
            "probabilities": found.probabilities,
            "fooled": found.fooled,
            "linf": found.linf,
            "l2": found.l2,
            "before": data_url(found.before),
            "change": data_url(found.change()),
            "after": data_url(found.after),
        }

    def _subject(self, name: str, options: dict[str, Any]) -> Any:  # noqa: ANN401 - a Subject, imported at use
        """A network to ask; made anew, since it knows the pixel or the box that it is asked about."""
        from visus.explain import open_subject

        subject = open_subject(self.folder(name), at=options.pop("at", None), box=options.pop("box", None))
        subject.register_forward_pre_hook(go_on)  # some methods ask the network hundreds of times
        return subject


def _name(folder: Path) -> str:
    """What requests call a run: the name of its folder."""
    return (folder if folder.is_dir() else folder.parent).resolve().name
