"""The tower of sentences of a network of two towers, run without PyTorch: words to vectors."""

import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus._optional import require
from visus.graphs.runtime import session
from visus.graphs.towers import GRAPH, NAMES, TOKENIZER, described

Floats = NDArray[np.float32]


class Sentences:
    """The tower of sentences, ready to describe them; several threads may ask.

    Args:
        folder: Where it lies, whole (see :func:`described`).

    Attributes:
        names: ``(N, D)`` float32 of length 1: the vectors of the names of many things.

    Raises:
        DependencyError: The package ``tokenizers`` is not installed.
        InputError: The folder is damaged.
    """

    def __init__(self, folder: Path) -> None:
        about = described(folder)
        if about is None:
            raise _damaged(folder)
        self._tokens, self._plain, self._sentence = about["tokens"], about["plain"], about["sentence"]
        tokenizers = require("tokenizers")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / TOKENIZER))
            self._session = session(folder / GRAPH, cores())
            names = np.load(folder / NAMES, allow_pickle=False)
        except Exception as error:  # tokenizers and ONNX Runtime raise errors of their own
            raise _damaged(folder) from error
        self.names: Floats = names.astype(np.float32)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self._tokens)

    def ids(self, text: str) -> NDArray[np.int64]:
        """The tokens ``(tokens,)`` int64 of a text, filled up with zeros; what is too long is cut off."""
        own = self._tokenizer.encode(plain(text) if self._plain else " ".join(text.split())).ids
        return np.array(own + [0] * (self._tokens - len(own)), np.int64)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """The vectors ``(N, D)`` float32 of length 1 of words that name something: ``["a tiger in snow"]``."""
        found = [self._session.run(["vector"], {"ids": self.ids(self._sentence.format(own))[None]})[0] for own in texts]
        vectors = np.concatenate(found).astype(np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)


def plain(text: str) -> str:
    """A text in small letters, without punctuation, as SigLIP's were (Zhai et al. 2023).

    >>> plain("  Jack-o'-lantern,  at_night ")
    'jackolantern at night'
    """
    return " ".join(text.replace("_", " ").translate(str.maketrans("", "", string.punctuation)).lower().split())


def _damaged(folder: Path) -> InputError:
    return InputError(f"The words of the network in {folder} are damaged; delete this folder, and index again.")
