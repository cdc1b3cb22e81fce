"""Which options of ``visus predict`` and ``visus evaluate`` are for the networks of which tasks."""

from visus._errors import InputError

_DETECTORS, _SEGMENTERS, _CLASSIFIERS = "detectors", "segmenters", "classifiers"

TAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    "k": (_CLASSIFIERS, ("classify",)),
    "csv": (_CLASSIFIERS, ("classify",)),
    "fiftyone": (f"{_CLASSIFIERS} and {_DETECTORS}", ("classify", "detect", "localize")),
    "out": (f"{_SEGMENTERS} and {_DETECTORS}", ("segment", "detect", "localize")),
    "crf": (_SEGMENTERS, ("segment",)),
    "scales": (_SEGMENTERS, ("segment",)),
    "flip": (_SEGMENTERS, ("segment",)),
    "conf": (_DETECTORS, ("detect", "localize")),
    "iou": (_DETECTORS, ("detect",)),
    "max_det": (_DETECTORS, ("detect",)),
    "soft_nms": (_DETECTORS, ("detect",)),
}
"""The networks that take an option, in words and by task."""


def refuse_others(task: str, **given: object) -> None:
    """Refuse what only networks of other tasks take.

    Args:
        task: Of the network.
        given: Options of :data:`TAKES`; what is None or False was not given.

    Raises:
        InputError: There is one.
    """
    for name, value in given.items():
        kinds, tasks = TAKES[name]
        if value is not None and value is not False and task not in tasks:
            option = f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"
            raise InputError(f"{option} is for {kinds}, and this network is of the task {task}; leave it away.")
