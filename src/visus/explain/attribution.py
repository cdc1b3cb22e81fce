"""What a network looked at: how much each pixel of a picture speaks for a class.

=================== ====================================================================================
saliency            the gradient of the class's score (Simonyan et al., ICLR 2014 workshop, section 3)
input               gradient times the picture (Shrikumar et al. 2016)
smoothgrad          the mean gradient of noisy pictures (Smilkov et al. 2017)
guided              guided backpropagation (Springenberg et al. 2015)
deconv              the deconvnet (Zeiler and Fergus 2014)
integrated          the mean gradient on the way from black (Sundararajan et al., ICML 2017)
gradcam             maps of a layer, weighed by their mean gradients (Selvaraju et al., ICCV 2017)
guided_gradcam      guided backpropagation times Grad-CAM (the same, section 3.2)
occlusion           how far the score falls where a patch is covered (Zeiler and Fergus 2014, section 4.2)
=================== ====================================================================================

The methods are Captum's; guided backpropagation and the deconvnet are its plain gradient under another rule for
rectifiers (:mod:`visus.explain.rectifiers`), since Captum's own know only modules of the class ReLU. Grad-CAM is ours:
it needs no gradients below its layer. So are integrated gradients, which take as many steps as they need
(:mod:`visus.explain.integrated`).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from visus._errors import InputError
from visus.explain.integrated import gap, integrated
from visus.explain.subject import Picture, Subject, as_picture, asking, save_array
from visus.explain.subjects import open_subject
from visus.images import draw
from visus.images.result import Result

Method = Literal[
    "saliency",
    "input",
    "smoothgrad",
    "guided",
    "deconv",
    "integrated",
    "gradcam",
    "guided_gradcam",
    "occlusion",
]
METHODS: tuple[Method, ...] = get_args(Method)
_NOISE, _SAMPLES = 0.15, 25  # SmoothGrad: deviation in shares of the range, and pictures (section 3)
_PATCH = 16  # a patch covers two parts of so many of the side, and neighbors lie one apart
_AT_A_TIME = 8
_BRIGHTEST = 99.5  # percentile that is drawn as 1


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Result):
    """How much each pixel speaks for a class.

    Attributes:
        method: A name in :data:`METHODS`.
        name: The class.
        target: Its number.
        probability: Its softmax, or its own sigmoid where a picture may have several classes.
        values: ``(C, H, W)`` float32, of each value of the input; one channel of ``gradcam`` and ``occlusion``.
        picture: ``(H, W, 3)`` uint8: the input as the network saw it.
        marked: The same, with the pixel or the box that a segmenter or a detector was asked about.
        gap: Of ``integrated``, how far the values are from adding up to the score less that of black, as a share of
            it; None of other methods, which promise no such sum.
    """

    method: Method
    name: str
    target: int
    probability: float
    values: NDArray[np.float32]
    picture: NDArray[np.uint8]
    marked: NDArray[np.uint8]
    gap: float | None = None

    def heat(self) -> NDArray[np.float32]:
        """One value for each pixel, ``(H, W)`` float32 in [0, 1].

        Of gradients the largest magnitude of the channels, of ``input`` and ``integrated`` the magnitude of their sum;
        of ``gradcam`` and ``occlusion`` what speaks for the class. The brightest two hundredth are 1.
        """
        if self.method in ("gradcam", "occlusion"):
            heat = np.maximum(self.values[0], 0)
        elif self.method in ("input", "integrated"):
            heat = np.abs(self.values.sum(0))
        else:
            heat = np.abs(self.values).max(0)
        top = max(float(np.percentile(heat, _BRIGHTEST)), 1e-12)
        return np.clip(heat / top, 0, 1).astype(np.float32)

    def overlay(self) -> NDArray[np.uint8]:
        """The heat over the picture, ``(H, W, 3)`` uint8."""
        return draw.overlay(self.picture, self.heat())

    def sheet(self) -> NDArray[np.uint8]:
        """The picture beside the overlay, ``(H, W, 3)`` uint8."""
        captions = [f"{self.name} {self.probability:.1%}", self.method.replace("_", " ")]
        return draw.contact_sheet([self.marked, self.overlay()], captions, columns=2, tile=320)

    def __repr__(self) -> str:
        return f"Explanation({self.method}, {self.name} {self.probability:.1%})"

    def drawn(self) -> NDArray[np.uint8] | None:
        """The picture beside the overlay, ``(H, W, 3)`` uint8."""
        return self.sheet()

    def to_dict(self) -> dict[str, Any]:
        """The method, the class, its probability, and of ``integrated`` the gap, as plain values for JSON."""
        values = {"method": self.method, "class": self.name, "probability": round(self.probability, 6)}
        return values if self.gap is None else {**values, "gap": round(self.gap, 6)}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the values (``.npy``), or what the ending says (see :meth:`visus.images.result.Result.save`).

        Raises:
            InputError: The ending is another, or the place cannot be written.
        """
        if os.fspath(path).lower().endswith(".npy"):
            save_array(path, self.values)
        else:
            Result.save(self, path)


def saliency(
    source: str | os.PathLike[str] | Subject,
    picture: Picture,
    *,
    method: Method = "gradcam",
    target: str | int | None = None,
    layer: str | None = None,
    at: tuple[int, int] | None = None,
    box: Sequence[float] | None = None,
    device: str = "cpu",
    seed: int = 0,
) -> Explanation:
    """How much each pixel of a picture speaks for a class.

    Args:
        source: A run, a file of a trained network, the name of a network with ImageNet weights, or an open
            :class:`visus.explain.Subject`.
        picture: A file, or ``(H, W, 3)`` uint8.
        method: A name in :data:`METHODS`; ``gradcam`` is Selvaraju et al. 2017, and :mod:`visus.explain.attribution`
            names the papers of the others.
        target: Name or number of the class; None for the likeliest.
        layer: Of ``gradcam`` and ``guided_gradcam``: its name as in ``visus nets``; None for the last map of a
            classifier, or of what a detector sees of the whole picture, and the coarsest one of a segmenter.
        at: Of a segmenter: x and y of the pixel whose class is meant; None for the middle.
        box: Of a detector: x0, y0, x1, y1 of the box whose class is meant; None for the most certain object.
        device: Where it works.
        seed: Of the noise of ``smoothgrad``.

    Raises:
        InputError: The picture cannot be read, or there is no such method, class or layer.

    >>> from visus import explain, nets, ops
    >>> net, normalize = nets.create("cnn", classes=2, widths=[4, 4]), ops.Normalize.of_channels([0.5] * 3, [0.25] * 3)
    >>> subject = explain.Classifier("mine", net, normalize, ("cat", "dog"), size=8, resize_to=8)
    >>> saliency(subject, np.zeros((8, 8, 3), np.uint8), target="dog").heat().shape
    (8, 8)
    """
    if method not in METHODS:
        raise InputError(f"The method must be one of {', '.join(METHODS)}, not {method!r}.")
    if layer is not None and "gradcam" not in method:
        raise InputError(f"layer does nothing beside {method}; it is for gradcam and guided_gradcam.")
    subject = open_subject(source, at=at, box=box, device=device)
    x, usual = subject.asked(picture)
    with torch.inference_mode(), asking(subject):
        logits = subject(x)
    place = subject.target_of(usual if target is None else target, logits)
    values = attribute(subject, x, [place], method, layer=layer, seed=seed)
    missed = None
    if method == "integrated":
        with asking(subject):
            missed = float(gap(subject, x, [place], values))
    shown = as_picture(x)
    return Explanation(
        method,
        subject.classes[place],
        place,
        float(subject.probabilities(logits)[0, place]),
        values[0].float().cpu().numpy(),
        shown,
        subject.marked(shown),
        missed,
    )


def attribute(
    subject: Subject, x: Tensor, targets: list[int], method: Method, *, layer: str | None = None, seed: int = 0
) -> Tensor:
    """The values of several pictures at once; those of Grad-CAM are equations 1 and 2 of Selvaraju et al. 2017.

    Args:
        subject: The network.
        x: ``(N, C, H, W)`` float in [0, 1], on its device.
        targets: A class for each.
        method: A name in :data:`METHODS`.
        layer: See :func:`saliency`.
        seed: Of noise.

    Returns:
        ``(N, C, H, W)`` float, of ``gradcam`` and ``occlusion`` ``(N, 1, H, W)``.

    Raises:
        InputError: The network has no ReLU for ``guided`` or ``deconv``, or no layer that suits Grad-CAM.
    """
    if method == "guided_gradcam":
        maps = attribute(subject, x, targets, "gradcam", layer=layer)
        return maps * attribute(subject, x, targets, "guided")
    at = subject.layer_of(layer, x[:1]) if method == "gradcam" else None
    rule = method if method in ("guided", "deconv") else "plain"
    with asking(subject, rule) as rectifiers, torch.enable_grad(), torch.random.fork_rng():
        torch.manual_seed(seed)
        if at is not None:
            return _gradcam(subject, x, targets, at)
        found = _METHODS[method](subject, x.clone().requires_grad_(), targets).detach()
    if rule != "plain" and not rectifiers.met:
        raise InputError(f"{subject.name} has no ReLU, to which alone {method} speaks; choose saliency.")
    return found


def _gradient(subject: Subject, x: Tensor, targets: list[int]) -> Tensor:
    from captum.attr import Saliency

    return Saliency(subject).attribute(x, target=targets, abs=False)


def _input(subject: Subject, x: Tensor, targets: list[int]) -> Tensor:
    from captum.attr import InputXGradient

    return InputXGradient(subject).attribute(x, target=targets)


def _smoothgrad(subject: Subject, x: Tensor, targets: list[int]) -> Tensor:
    from captum.attr import NoiseTunnel, Saliency

    tunnel: Any = NoiseTunnel(Saliency(subject))
    return tunnel.attribute(
        x,
        target=targets,
        abs=False,
        nt_type="smoothgrad",
        nt_samples=_SAMPLES,
        nt_samples_batch_size=_AT_A_TIME,
        stdevs=_NOISE,
    )


def _occlusion(subject: Subject, x: Tensor, targets: list[int]) -> Tensor:
    from captum.attr import Occlusion

    side = max(2, 2 * min(x.shape[2:]) // _PATCH)
    window, strides = (x.shape[1], side, side), (x.shape[1], side // 2, side // 2)
    gray = x.mean((2, 3), keepdim=True).expand_as(x)
    with torch.no_grad():
        found = Occlusion(subject).attribute(
            x, window, strides, target=targets, baselines=gray, perturbations_per_eval=_AT_A_TIME
        )
    return found[:, :1]


def _gradcam(subject: Subject, x: Tensor, targets: list[int], layer: torch.nn.Module) -> Tensor:
    """Maps weighed by the mean of their gradients; what speaks against the class is 0 (equations 1 and 2).

    The graph begins at the layer: what lies below needs no gradients.
    """
    maps: list[Tensor] = []

    def cut(_module: torch.nn.Module, _input: object, output: object) -> object:
        if not isinstance(output, Tensor) or output.ndim != 4:
            raise InputError("Grad-CAM needs a layer that gives one map (N, C, h, w); choose another.")
        maps.append(output.detach().requires_grad_())
        return maps[-1].clone()  # what follows may change it in place

    hook = layer.register_forward_hook(cut)
    try:
        scores = subject(x)
    finally:
        hook.remove()
    if not maps:
        raise InputError("The layer does not run for such a picture; choose another.")
    own = scores.gather(1, torch.tensor(targets, device=x.device)[:, None]).sum()
    (gradient,) = torch.autograd.grad(own, maps[-1], allow_unused=True)
    if gradient is None:
        raise InputError("The class does not depend on the layer; choose another.")
    weights = gradient.mean((2, 3), keepdim=True)
    coarse = (weights * maps[-1].detach()).sum(1, keepdim=True).relu()
    height, width, top, left = subject.extent(x[:1])
    fine = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    return fine[:, :, top : top + x.shape[2], left : left + x.shape[3]]


_METHODS: dict[str, Callable[[Subject, Tensor, list[int]], Tensor]] = {
    "saliency": _gradient,
    "input": _input,
    "smoothgrad": _smoothgrad,
    "guided": _gradient,
    "deconv": _gradient,
    "integrated": integrated,
    "occlusion": _occlusion,
}
