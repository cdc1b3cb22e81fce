"""A tiny network of two towers with random weights, in open_clip's own files, brought to visus's cache by hand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from visus.graphs import towers
from visus.graphs.towers import Towers
from visus.graphs.weights import Preprocessing

NAME = "tiny"
TINY = Towers(
    "tiny-towers", "visus/tiny", "MIT", Preprocessing(32, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic"), 77,
    plain=False, sentence="a photo of {}",
)  # fmt: skip

_CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def tokenizer() -> object:
    """The tokenizer that CLIP's models have on the hub, made of the table that open_clip ships."""
    import gzip

    from open_clip.tokenizer import bytes_to_unicode, default_bpe
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    with gzip.open(default_bpe(), "rt", encoding="utf-8") as table:
        lines = table.read().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    letters = list(bytes_to_unicode().values())
    vocabulary = [*letters, *(f"{own}</w>" for own in letters), *("".join(own) for own in merges)]
    start, end = "<|startoftext|>", "<|endoftext|>"
    ids = {own: number for number, own in enumerate([*vocabulary, start, end])}
    found = Tokenizer(models.BPE(vocab=ids, merges=merges, end_of_word_suffix="</w>", unk_token=end))
    found.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    parts = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    found.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(parts, "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    found.add_special_tokens([AddedToken(start, special=True), AddedToken(end, special=True)])
    found.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(start, ids[start]), (end, ids[end])]
    )
    return found


def bring(cache: Path) -> None:
    """Lay weights and tokenizer of :data:`TINY` where a user would bring them."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    place = cache / NAME
    place.mkdir(parents=True)
    net = open_clip.create_model(TINY.architecture, load_weights=False)
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, place / towers.WEIGHTS[0])
    tokenizer().save(str(place / towers.WEIGHTS[1]))  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def known(folder: Path) -> Iterator[None]:
    """Let visus and open_clip know the tiny network meanwhile; open_clip reads its plan from a folder."""
    import open_clip

    (folder / f"{TINY.architecture}.json").write_text(json.dumps(_CONFIG))
    open_clip.add_model_config(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(towers.TABLE, NAME, TINY)
        yield
