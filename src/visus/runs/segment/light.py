"""A trained segmenter as the graph that its run has, run without PyTorch."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.graphs.graph import INT8
from visus.graphs.masks import MaskGraph, MaskRunner, of_segmenter
from visus.graphs.saved import Saved, damaged, no_graph, of_task, open_saved
from visus.images.color import to_gray
from visus.runs.segment.prediction import MaskPredictor


class GraphSegmenter(MaskPredictor):
    """A trained segmenter, ready to answer: as :class:`visus.runs.segment.predict.SegmentPredictor`, without torch.

    Args:
        run: A run's folder, or a file of a trained segmenter, with the graph beside it.
        crf_settings: None: the dense CRF needs PyTorch.
        scales: One scale, 1.
        flip: False.
        device: ``"auto"`` or ``"cpu"``.
        int8: Whether the graph is taken whose numbers are of 8 bits.
        session: What runs it, where it was made ready already.

    Raises:
        InputError: Another device was asked for, or what the graph does not do.
        RunError: There is no trained network, or it is damaged.
        DependencyError: The run has no graph, or that of other weights.
    """

    def __init__(
        self,
        run: str | os.PathLike[str],
        *,
        crf_settings: object = None,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        device: str = "auto",
        int8: bool = False,
        session: Any = None,  # noqa: ANN401 - ONNX Runtime's
    ) -> None:
        if device not in ("auto", "cpu"):
            raise InputError(f"A graph runs on the CPU, not on {device!r}; leave the device away.")
        wanted = {"--crf": crf_settings is not None, "--scales": tuple(scales) != (1.0,), "--flip": flip}
        for option, there in wanted.items():
            if there:
                raise InputError(f"{option} needs PyTorch: say --engine local, with visus[train].")
        saved = of_task(open_saved(run), "segment")
        graph = of_segmenter(saved.place, INT8 if int8 else "model")
        if graph is None:
            raise no_graph(saved, int8=int8, what="its network for pictures of any size")
        self._take(saved, MaskRunner(graph, session))

    def _take(self, saved: Saved, runner: MaskRunner) -> None:
        """Take over what the header of the network and its graph say."""
        graph: MaskGraph = runner.graph
        self.classes = tuple(map(str, saved.list_of("classes")))
        try:
            self.palette = [[int(value) for value in color] for color in saved.list_of("palette")]
            spacing = saved.header.get("spacing")
            self.spacing = None if spacing is None else tuple(map(float, spacing))  # pyright: ignore[reportAttributeAccessIssue]
            self.threshold = float(saved.header.get("threshold", 0.5))  # pyright: ignore[reportArgumentType]
            fine = len(self.palette) == len(self.classes) and all(len(color) == 3 for color in self.palette)
        except (TypeError, ValueError) as error:
            raise damaged(saved.place, error) from error
        if not fine:
            raise damaged(saved.place, ValueError("its palette"))
        self.window, self.sides = graph.window, graph.sides
        self._gray, self._runner, self._place = bool(saved.header.get("gray", False)), runner, saved.place

    def probabilities(self, picture: NDArray[Any], shown: NDArray[Any] | None = None) -> NDArray[np.float32]:
        """The answers to a picture that fits into memory; see :class:`MaskPredictor`.

        Raises:
            RunError: The graph has other classes.
        """
        if self.axes == 3:
            picture = np.ascontiguousarray(picture, np.float32)
        elif self._gray:
            picture = np.repeat(to_gray(picture)[..., None], 3, axis=2)
        found = self._runner.probabilities(picture)
        if len(found) != len(self.classes):
            raise damaged(self._place, ValueError("its graph has other classes"))
        return found
