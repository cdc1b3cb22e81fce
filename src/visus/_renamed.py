"""Names that have changed: the old ones work for one release more, and warn.

A line of :data:`NAMES` or :data:`MODULES` stays for one minor release; CONTRIBUTING.md says how a name is changed.
"""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES: dict[str, str] = {
    "visus.explain.randomised": "visus.explain.sanity_check",
    "visus.explain.removal": "visus.explain.deletion_insertion",
    "visus.ops.normalise": "visus.ops.normalize",
    "visus.runs.coco_results": "visus.runs.detect.coco_results",
    "visus.runs.compiled": "visus.runs.engine.compiled",
    "visus.runs.detect_evaluate": "visus.runs.detect.evaluate",
    "visus.runs.detect_predict": "visus.runs.detect.predict",
    "visus.runs.detect_search": "visus.runs.detect.search",
    "visus.runs.detect_settings": "visus.runs.detect.settings",
    "visus.runs.evaluate": "visus.runs.classify.evaluate",
    "visus.runs.learning": "visus.runs.record.settings",
    "visus.runs.localize_settings": "visus.runs.localize.settings",
    "visus.runs.predict": "visus.runs.classify.predict",
    "visus.runs.preview": "visus.runs.classify.preview",
    "visus.runs.segment_evaluate": "visus.runs.segment.evaluate",
    "visus.runs.segment_predict": "visus.runs.segment.predict",
    "visus.runs.segment_settings": "visus.runs.segment.settings",
    "visus.runs.settings": "visus.runs.classify.settings",
    "visus.runs.space": "visus.runs.tuning.space",
    "visus.runs.training": "visus.runs.run",
    "visus.runs.tune_crf": "visus.runs.segment.tune_crf",
    "visus.search.graph": "visus.graphs.graph",
    "visus.search.runtime": "visus.graphs.runtime",
    "visus.tasks.together": "visus.tasks.all_reduce",
}
"""Modules that were documented under another path, since 0.2."""

NAMES: dict[str, str] = {
    "visus.IndexError_": "visus.PictureIndexError",
    "visus._errors.IndexError_": "visus._errors.PictureIndexError",
    "visus.data.Dataset": "visus.data.LabelSet",
    "visus.data.samples.Dataset": "visus.data.samples.LabelSet",
    "visus.explain.Neighbours": "visus.explain.Neighbors",
    "visus.explain.similar.Neighbours": "visus.explain.similar.Neighbors",
    "visus.explain.similar.neighbours": "visus.explain.similar.neighbors",
    "visus.filters.texture.grey_of": "visus.filters.texture.gray_of",
    "visus.explain.neighbours": "visus.explain.neighbors",
    "visus.images.color.to_grey": "visus.images.color.to_gray",
    "visus.nets.detection.trained.read": "visus.nets.trained.read",
    "visus.nets.detection.trained.read_about": "visus.nets.trained.read_about",
    "visus.nets.detection.trained.write": "visus.nets.trained.write",
    "visus.nets.segmentation.trained.read": "visus.nets.trained.read",
    "visus.nets.segmentation.trained.read_about": "visus.nets.trained.read_about",
    "visus.nets.segmentation.trained.write": "visus.nets.trained.write",
    "visus.nets.trained.About": "visus.nets.classification.trained.About",
    "visus.nets.trained.Trained": "visus.nets.classification.trained.Trained",
    "visus.nets.trained.file_of": "visus.nets.file.file_of",
    "visus.nets.trained.is_trained": "visus.nets.file.is_trained",
    "visus.ops.Normalise": "visus.ops.Normalize",
    "visus.ops.normalise.Normalise": "visus.ops.normalize.Normalize",
    "visus.runs.Settings": "visus.runs.ClassifySettings",
    "visus.runs.detect_evaluate.evaluate": "visus.runs.run.evaluate",
    "visus.runs.detect_settings.load": "visus.runs.detect.resolve.load",
    "visus.runs.detect_settings.resolve": "visus.runs.detect.resolve.resolve",
    "visus.runs.learning.Learning": "visus.runs.record.settings.TrainSettings",
    "visus.runs.localize_settings.alone": "visus.runs.localize.resolve.alone",
    "visus.runs.localize_settings.load": "visus.runs.localize.resolve.load",
    "visus.runs.localize_settings.resolve": "visus.runs.localize.resolve.resolve",
    "visus.runs.segment_settings.load": "visus.runs.segment.resolve.load",
    "visus.runs.segment_settings.resolve": "visus.runs.segment.resolve.resolve",
    "visus.runs.settings.geometry": "visus.runs.classify.resolve.geometry",
    "visus.runs.settings.resolve": "visus.runs.classify.resolve.resolve",
    "visus.tasks.box_metrics.Answers": "visus.tasks.box_metrics.Detections",
    "visus.tasks.box_metrics.Localisation": "visus.tasks.box_metrics.Localization",
    "visus.tasks.box_metrics.localisation": "visus.tasks.box_metrics.localization",
    "visus.runs.detect_evaluate.LocalEvaluation": "visus.runs.localize.evaluate.LocalEvaluation",
    "visus.runs.detect_predict.Detecting": "visus.runs.detect.predict.DetectPredictor",
    "visus.runs.evaluate.Evaluation": "visus.runs.classify.evaluate.ClassEvaluation",
    "visus.runs.predict.Prediction": "visus.runs.classify.prediction.ClassPrediction",
    "visus.runs.predict.Predictor": "visus.runs.classify.predict.ClassifyPredictor",
    "visus.runs.predict.Unreadable": "visus.runs.answers.Unreadable",
    "visus.runs.predict.files_beside": "visus.runs.answers.files_beside",
    "visus.runs.predict.files_of": "visus.runs.answers.files_of",
    "visus.runs.segment_predict.Segmenting": "visus.runs.segment.predict.SegmentPredictor",
    "visus.runs.segment_predict.names_for": "visus.runs.answers.names_for",
    "visus.runs.settings.Settings": "visus.runs.classify.settings.ClassifySettings",
}
"""Classes and functions that were called otherwise, since 0.2; those of renamed modules under their old path."""


def renamed(module: str, name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    """What a module's old name stands for now; for its ``__getattr__``.

    Raises:
        AttributeError: It never had such a name.
    """
    new = NAMES.get(f"{module}.{name}")
    if new is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, now = new.rpartition(".")
    _warn(f"{module}.{name}", new)
    return getattr(importlib.import_module(home), now)


def _warn(old: str, new: str) -> None:
    """Say where a name has gone, at the line that asks for it."""
    warnings.warn(
        f"{old} is called {new} now; the old name goes with the next release.", DeprecationWarning, stacklevel=4
    )


class OldModules:
    """Finds the old paths of modules; it is asked last, where Python has found nothing.

    It has no base of ``importlib.abc``, which takes longer to import than the rest of this package's first lines.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module whose names are looked up where they are now."""
        return ModuleSpec(fullname, self) if fullname in MODULES else None  # pyright: ignore[reportArgumentType]

    def create_module(self, _spec: ModuleSpec) -> None:
        """None: an ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        """Let the module give the names of the new one."""
        old, new = module.__name__, MODULES[module.__name__]
        warnings.warn(
            f"{old} is called {new} now; the old path goes with the next release.", DeprecationWarning, stacklevel=2
        )

        def find(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
            if name.startswith("__"):  # inspect and others ask every module, in the middle of imports
                raise AttributeError(name)
            if f"{old}.{name}" in NAMES:
                return renamed(old, name)
            return getattr(importlib.import_module(new), name)

        module.__getattr__ = find  # pyright: ignore[reportAttributeAccessIssue] - PEP 562


def find_old_modules() -> None:
    """Let ``import`` find the old paths too."""
    if not any(isinstance(finder, OldModules) for finder in sys.meta_path):
        sys.meta_path.append(OldModules())
