"""A trained classifier as a graph: how well it answers."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from visus.data import LabelSet
from visus.graphs.saved import Saved
from visus.nets import trained
from visus.runs.classify.evaluate import measure
from visus.runs.classify.multilabel import MultilabelEvaluation
from visus.runs.classify.settings import ClassifySettings
from visus.runs.record.folder import settings_beside


def graph_score(saved: Saved, dataset: LabelSet, session: Any) -> tuple[str, float]:  # noqa: ANN401 - ONNX Runtime's
    """How well the graph of a run answers the val split; see :class:`visus.runs.engine.task.GraphScores`."""
    network = trained.read(saved, "classifier")
    settings = settings_beside(saved.place, ClassifySettings) or ClassifySettings(data=str(dataset.root))

    def answer(batch: Tensor) -> Tensor:
        pixels = batch.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).numpy()  # (N, size, size, 3)
        found = session.run(["probabilities"], {"pixels": np.ascontiguousarray(pixels)})
        return torch.from_numpy(found[0]).double()

    found = measure(network, dataset, "val", settings, answer=answer)
    return ("mAP", found.mean_ap) if isinstance(found, MultilabelEvaluation) else ("top-1", found.top1)
