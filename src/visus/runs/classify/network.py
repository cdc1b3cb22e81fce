"""The network of a training, and the batches that it sees."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from visus._cores import cores
from visus._errors import InputError, WeightsError
from visus.data import Augmentation, Batches, LabelSet, loader
from visus.data import preprocess as _preprocess
from visus.nets import registry, trained
from visus.nets import weights as _weights
from visus.nets.backbones import Backbone
from visus.nets.classification.trained import About, Trained
from visus.nets.file import is_trained
from visus.ops import Normalize
from visus.runs.classify.resolve import geometry, options_of
from visus.runs.classify.settings import ClassifySettings

_FEW = 500  # pictures that are read sooner than a process is started
_MOST_TO_FIT = 20_000  # training pictures that a preprocessing is fitted on


@dataclass(frozen=True, slots=True)
class Parts:
    """What a training is made of.

    Attributes:
        settings: The settings, with nothing left open.
        dataset: Pictures in splits.
        about: What the trained network will say of itself.
        net: The network.
        normalize: From bytes to its input.
    """

    settings: ClassifySettings
    dataset: LabelSet
    about: About
    net: Backbone
    normalize: Normalize

    def batches(self, split: str) -> Batches:
        """Pictures of a split as tensors; those of train are augmented."""
        return batches(self.dataset, split, self.about, self.settings)

    def loader(self, split: str) -> DataLoader[tuple[Tensor, Tensor]]:
        """Batches of a split, ``(N, C, H, W)`` uint8, and ``(N,)`` or ``(N, classes)`` int64.

        Those of train are shuffled.
        """
        own, settings = self.batches(split), self.settings
        assert settings.batch_size is not None
        train = split == "train"
        return loader(
            own,
            own.pictures.labels,
            batch_size=settings.batch_size if train else max(64, settings.batch_size),
            shuffle=train,
            balanced=train and settings.balance == "sampling",
            seed=settings.seed,
            workers=readers(own, settings),
        )

    def trained(self) -> Trained:
        """The network as it is now, with all that is needed to use it."""
        return Trained(self.about, self.net, self.normalize)


def readers(own: Batches, settings: ClassifySettings) -> int:
    """Processes that read ahead: none for few pictures or for those in memory, else one for each two cores.

    So reading and computing do not get in each other's way.
    """
    if settings.workers is not None:
        return settings.workers
    in_memory = own.pictures.arrays is not None and own.augmentation.strength == "none"
    return 0 if in_memory or len(own) < _FEW else max(1, min(8, cores() // 2))


def batches(dataset: LabelSet, split: str, about: About, settings: ClassifySettings) -> Batches:
    """Pictures of a split as tensors; those of train are augmented."""
    strength = settings.augment if split == "train" and settings.augment else "none"
    return Batches(
        dataset.splits[split],
        about.size,
        about.resize_to,
        about.interpolation,
        about.gray,
        Augmentation(strength, settings.flip),
        settings.seed,
    )


def build(settings: ClassifySettings, dataset: LabelSet) -> Parts:
    """The network with its first weights, and its preprocessing fitted on the training pictures.

    Raises:
        InputError: The network or an option is unknown.
        WeightsError: The weights are not at hand or do not fit.
    """
    size, resize_to, interpolation = geometry(settings)
    options = options_of(settings)
    gray = dataset.gray and registry.network_of(settings.net).gray
    options |= {"channels": 1} if gray else {}
    about = About(
        "classify",
        settings.net,
        options,
        dataset.classes,
        size,
        resize_to,
        interpolation,
        gray,
        settings.multilabel,
    )
    normalize = None
    if settings.mode == "scratch":
        net = registry.create(settings.net, classes=len(dataset.classes), **options)
    elif is_trained(settings.weights):
        net, about, normalize = _from_trained(settings, about)
    else:
        net = registry.create(settings.net, classes=len(dataset.classes), weights=settings.weights, **options)
    if normalize is None:
        normalize = _normalize(settings, dataset, about)
    net.requires_grad_(True).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return Parts(settings, dataset, about, net, normalize)


def _from_trained(settings: ClassifySettings, about: About) -> tuple[Backbone, About, Normalize | None]:
    """A network that visus trained before, with a new last layer where the classes are others."""
    before = trained.read(settings.weights, "classifier")
    if before.about.net != settings.net:
        raise WeightsError(
            f"{settings.weights} holds {before.about.net}, not {settings.net}; say --net {before.about.net}."
        )
    net = registry.create(settings.net, classes=len(about.classes), **before.about.options)
    own = net.net.state_dict()
    fitting = {k: v for k, v in before.backbone.net.state_dict().items() if own[k].shape == v.shape}
    net.net.load_state_dict(fitting, strict=False)
    fixed = "size" in before.about.options
    if fixed and about.size != before.about.size:
        raise InputError(
            f"{settings.weights} takes pictures of {before.about.size} pixels; say --size {before.about.size}."
        )
    resize_to = round(about.size * before.about.resize_to / before.about.size)
    kept = replace(
        about,
        options=before.about.options,
        resize_to=resize_to,
        interpolation=before.about.interpolation,
        gray=before.about.gray,
    )
    return net, kept, before.normalize if settings.preprocess == "weights" else None


def _normalize(settings: ClassifySettings, dataset: LabelSet, about: About) -> Normalize:
    if settings.preprocess == "weights":
        known = _weights.preprocessing(settings.net)
        return Normalize.of_channels(known.mean, known.deviation)
    own = batches(dataset, "train", about, settings).plain()
    if len(own) > _MOST_TO_FIT:
        generator = torch.Generator().manual_seed(settings.seed)
        places = torch.randperm(len(own), generator=generator)[:_MOST_TO_FIT].sort().values.numpy()
        own = replace(own, pictures=own.pictures.take(places))
    reading = loader(own, own.pictures.labels, batch_size=256, workers=readers(own, settings))
    kind: _preprocess.Kind = settings.preprocess  # pyright: ignore[reportAssignmentType]
    return _preprocess.fit(kind, (pictures for pictures, _ in reading))
