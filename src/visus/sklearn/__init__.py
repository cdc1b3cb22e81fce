"""visus in scikit-learn's pipelines: descriptors of pictures as transformers, and trainings as a classifier.

A picture is a file or an array ``(H, W, 3)`` or ``(H, W)`` uint8; ``X`` is a list of them, an array of paths, an array
of pictures ``(N, H, W, 3)``, or a column of a table of pandas.

    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from visus.sklearn import Embedder

    make_pipeline(Embedder(), LogisticRegression()).fit(paths, labels)
"""

from visus._optional import require

require("sklearn.base")  # says how to install it, where it is missing
from visus.sklearn.classifier import Classifier  # noqa: E402
from visus.sklearn.descriptors import Color, Embedder, Texture  # noqa: E402
from visus.sklearn.textons import Textons  # noqa: E402

__all__ = ["Classifier", "Color", "Embedder", "Textons", "Texture"]
