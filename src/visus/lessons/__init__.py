"""The ideas of a first course in computer vision: each a picture and three sentences, computed at call.

A lesson is a file of this package, named as its line in :data:`LESSONS` with ``_`` for ``-``. Its function ``draw``
computes with the functions of visus and gives a :class:`visus.lessons.sheet.Drawn`.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from visus._optional import require
from visus._renamed import renamed

if TYPE_CHECKING:
    from visus.lessons.answer import Lesson, album, lesson


class Title(NamedTuple):
    """What a lesson is about, in the languages that it can be read in."""

    en: str
    zh: str


LESSONS: dict[str, Title] = {
    "losses": Title("Entropy, and two losses on one example", "熵，以及同一例子上的两种损失"),
    "graph": Title("A computational graph: values forward, gradients back", "计算图：数值向前，梯度向后"),
    "optimizers": Title("How optimizers walk down a narrow valley", "优化器如何走下狭窄的山谷"),
    "depth": Title("What width, depth and activations can separate", "宽度、深度与激活函数能分开什么"),
    "batchnorm": Title("Batch normalization moves small gradients back", "批归一化把变小的梯度拉回来"),
    "dropout": Title("Dropout, scaled at test or in training", "随机失活：测试时缩放或训练时缩放"),
    "padding": Title("What lies beyond the border of a picture", "图像边界之外是什么"),
    "receptive-field": Title("What a unit sees of the picture", "一个单元看到图像的多大范围"),
    "upsampling": Title("From a coarse map to a fine one", "从粗图到细图：上采样"),
    "object-size": Title(
        "Small objects need fine maps, large ones wide fields", "小目标需要细的图，大目标需要大的感受野"
    ),
    "residual": Title("A residual network is an ensemble of paths", "残差网络是许多路径的集成"),
    "templates": Title("Weights are templates of the classes", "权重是各类的模板"),
    "roi-align": Title("RoI pooling rounds, RoIAlign does not", "RoI 池化取整，RoIAlign 不取整"),
    "nms": Title("Non-maximum suppression, step by step", "非极大值抑制的每一步"),
    "anchors": Title("Anchors, and which of them are an object", "锚框，以及哪些算作目标"),
    "whitening": Title("Centering, scaling and whitening", "去均值、归一化与白化"),
    "pooling": Title("Pooling bears small shifts", "池化容忍小的平移"),
}
"""The lessons by name, in the order of the course."""

__all__ = ["LESSONS", "Lesson", "Title", "album", "lesson"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    if name in ("Lesson", "album", "lesson"):
        return getattr(require("visus.lessons.answer"), name)
    return renamed(__name__, name)
