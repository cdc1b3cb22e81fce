"""What a network is made of: output, parameters, multiply-adds, receptive field of each layer.

The field of each layer's units follows from those of its input (:mod:`visus.nets.fields`). Where branches meet, it
covers all of them. What looks at every position (a linear layer after a map, attention, a global mean) sees the fields
of all positions.

The network runs once on the meta device, where tensors have shapes and no values, so a summary costs milliseconds and
little memory. Each operator of that run is seen on its way, so it does not matter how a network is written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from visus._errors import InputError
from visus.nets import fields
from visus.nets.fields import Field, Kernel, Line, everything, union

_aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Layer:
    """One row of the table; field, stride and offset are counted as Araujo, Norris and Sim (2019) count them.

    Attributes:
        name: Name of the module in the network.
        kind: Its class.
        output: Shape of what it gives, without the batch.
        parameters: Weights and biases.
        macs: Multiply-adds for one picture.
        receptive_field: Pixels of each axis that the unit sees that sees most; None where positions have no meaning.
        stride: Pixels between neighbors.
        offset: First pixel that the first unit sees.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    macs: int
    receptive_field: tuple[int, ...] | None
    stride: tuple[float, ...] | None
    offset: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A network, layer by layer, as the tables of the papers lay it out (for example He et al. 2016, table 1).

    Attributes:
        layers: The layers in the order in which they run.
        parameters: Of the whole network.
        macs: Multiply-adds of the whole network for one picture.
        size: Shape of the input, ``(C, H, W)`` or ``(C, D, H, W)``.
    """

    layers: list[Layer]
    parameters: int
    macs: int
    size: tuple[int, ...]

    def layer(self, name: str) -> Layer:
        """The layer of a name; the last run where it runs several times.

        Raises:
            InputError: There is no such layer.
        """
        for layer in reversed(self.layers):
            if layer.name == name:
                return layer
        raise InputError(
            f"There is no layer {name!r}; there are {', '.join(dict.fromkeys(own.name for own in self.layers))}."
        )

    def __str__(self) -> str:
        """The table as text."""
        rows = [("layer", "kind", "output", "parameters", "MACs", "field", "stride", "offset")]
        for layer in self.layers:
            output = "x".join(map(str, layer.output))
            numbers = (f"{layer.parameters:,}", f"{layer.macs:,}")
            place = [_axes(value) for value in (layer.receptive_field, layer.stride, layer.offset)]
            rows.append((layer.name, layer.kind, output, *numbers, place[0], place[1], place[2]))
        total = f"input {'x'.join(map(str, self.size))}"
        rows.append(("all", total, "", f"{self.parameters:,}", f"{self.macs:,}", "", "", ""))
        widths = [max(len(row[k]) for row in rows) for k in range(8)]
        lines = [
            "  ".join(
                cell.ljust(w) if k < 3 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join(line.rstrip() for line in lines)


def _axes(values: Sequence[float] | None) -> str:
    """One number where all axes agree."""
    if values is None:
        return ""
    texts = [f"{value:g}" for value in values]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def summary(net: nn.Module, size: Sequence[int] = (3, 224, 224)) -> Summary:
    """Lay out a network as a table: parameters, multiply-adds and receptive fields (Araujo, Norris and Sim 2019).

    Args:
        net: Any network that takes ``(N, C, H, W)`` or ``(N, C, D, H, W)`` float; it stays as it is.
        size: Shape of one picture, ``(C, H, W)`` or ``(C, D, H, W)``.

    Returns:
        Every layer without parts of its own, in the order in which they run; of one that gives several tensors, the
        first counts.

    >>> table = summary(nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2)), (3, 10, 10))
    >>> table.parameters, table.macs, table.layer("1").receptive_field, table.layer("1").stride
    (224, 13824, (4, 4), (2, 2))
    """
    meta = _on_meta(net).eval()
    trace = _Trace()
    hooks = []
    layers: list[Layer] = []
    counted: set[int] = set()
    for name, module in meta.named_modules():
        if next(module.children(), None) is not None:
            continue

        def before(module: nn.Module, _: object) -> None:
            trace.marks.append(trace.macs)

        def after(module: nn.Module, _: object, output: object, name: str = name) -> None:
            macs = trace.macs - trace.marks.pop()
            if isinstance(output, (tuple, list)) and output:  # the first is what goes on: maxima before their positions
                output = output[0]
            if isinstance(output, Tensor):
                own = 0 if id(module) in counted else sum(p.numel() for p in module.parameters())
                counted.add(id(module))
                layers.append(_layer((name, type(module).__name__), output, own, macs, trace.of(output)))

        hooks += [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
    kind = next((p.dtype for p in meta.parameters()), torch.float32)
    picture = torch.empty(1, *size, device="meta", dtype=kind)
    trace.remember(picture, fields.of_input(size[1:]))
    try:
        with torch.no_grad(), trace:
            meta(picture)
    finally:
        for hook in hooks:
            hook.remove()
    return Summary(layers, sum(p.numel() for p in net.parameters()), trace.macs, tuple(size))


def _on_meta(net: nn.Module) -> nn.Module:
    """A copy of a network without values."""
    import copy

    memo: dict[int, Any] = {}
    for tensor in (*net.parameters(), *net.buffers()):
        empty = torch.empty_like(tensor, device="meta")
        memo[id(tensor)] = nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty
    return copy.deepcopy(net, memo)


def _layer(named: tuple[str, str], output: Tensor, parameters: int, macs: int, field: Field | None) -> Layer:
    """A row for a module's name and class."""
    place = (None, None, None) if field is None else (field.size, field.stride, field.start)
    return Layer(*named, tuple(output.shape[1:]), parameters, macs, *place)


class _Trace(TorchDispatchMode):
    """Follows the receptive field through every operator that runs, and counts multiply-adds."""

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0
        self.marks: list[int] = []
        self._fields: dict[int, tuple[Tensor, Field]] = {}  # the tensor is held, so that its id stays its own

    def of(self, tensor: Tensor) -> Field | None:
        """The field of a tensor, or None for weights and the like."""
        known = self._fields.get(id(tensor))
        return known[1] if known else None

    def remember(self, tensor: Tensor, field: Field) -> None:
        """Note the field of a tensor."""
        self._fields[id(tensor)] = tensor, field

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        output = func(*args, **(kwargs or {}))
        operator = func.overloadpacket
        result = output[0] if isinstance(output, (tuple, list)) and output else output
        if not isinstance(result, Tensor):
            return output
        self.macs += _multiply_adds(operator, args, result)
        inputs = [tensor for tensor in _tensors(args) if self.of(tensor) is not None]
        if not inputs:
            return output
        # The largest map comes first: it says where the positions are.
        inputs.sort(key=lambda tensor: -tensor.numel() * len(self._known(tensor).axes))
        field = self._behind(operator, args, inputs, result)
        for tensor in output if isinstance(output, (tuple, list)) else (output,):
            if isinstance(tensor, Tensor):
                self.remember(tensor, field)
        return output

    def _known(self, tensor: Tensor) -> Field:
        return self._fields[id(tensor)][1]

    def _behind(self, operator: Any, args: Any, inputs: list[Tensor], result: Tensor) -> Field:  # noqa: ANN401, PLR0911
        """The field of an operator's result."""
        source = inputs[0]
        field = self._known(source)
        if operator in _SLIDING and field.axes and field.folded is None:
            return _SLIDING[operator](field, source, result, args)
        if operator in (_aten.addmm, _aten.mm) and field.folded is not None:
            return field
        if operator in (_aten.addmm, _aten.mm, _aten.bmm, _aten.baddbmm) or "attention" in str(operator):
            return union([everything(self._known(tensor)) for tensor in inputs])
        if operator in (_aten.view, _aten._unsafe_view, _aten.reshape) and len(inputs) == 1:
            return _viewed(field, source.shape, result.shape)
        if operator in (_aten.permute, _aten.transpose) and field.folded is None:
            order = list(range(source.ndim))
            if operator is _aten.permute:
                order = [axis % source.ndim for axis in args[1]]
            else:
                one, other = args[1] % source.ndim, args[2] % source.ndim
                order[one], order[other] = order[other], order[one]
            return field.with_axes([order.index(axis) for axis in field.axes])
        if operator in _MIXING and field.axes and field.folded is None and _mixes(operator, args, source, field):
            return _each(everything(field).with_axes(field.axes), result, fields.spread)
        if operator in (_aten.unsqueeze, _aten.squeeze) and field.axes:
            moved = tuple(axis + result.ndim - source.ndim for axis in field.axes)
            if all(a >= 0 and result.shape[a] == source.shape[b] for a, b in zip(moved, field.axes, strict=True)):
                return field.with_axes(moved)
            return everything(field)
        return self._default(inputs, result)

    def _default(self, inputs: list[Tensor], result: Tensor) -> Field:
        """Operators that work position by position, where their result has the same positions; else see all."""
        found = []
        for tensor in inputs:
            field = self._known(tensor)
            if field.folded is not None or not field.axes:
                found.append(field if tensor.shape == result.shape else everything(field))
                continue
            same = result.ndim == tensor.ndim and all(
                tensor.shape[axis] in (1, result.shape[axis]) for axis in field.axes
            )
            found.append(_each(field, result, fields.spread) if same else everything(field))
        return union(found)


def _tensors(values: Any) -> list[Tensor]:  # noqa: ANN401
    """Tensors among the arguments of an operator."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, (tuple, list)):
        return [tensor for value in values for tensor in _tensors(value)]
    return []


def _spread(values: Any, count: int) -> list[int]:  # noqa: ANN401
    """One number for each axis."""
    if isinstance(values, int):
        return [values] * count
    return [values[0]] * count if len(values) == 1 else list(values)[-count:]


def _each(field: Field, result: Tensor, rule: Callable[..., Line], *numbers: Sequence[Any]) -> Field:
    """A rule along each axis, with its numbers for that axis."""
    counts = [result.shape[axis] for axis in field.axes]
    return field.with_lines([rule(*values) for values in zip(field.lines, counts, *numbers, strict=True)])


def _kernels(count: int, *numbers: Any) -> list[Kernel]:
    """One for each axis, from size, stride, padding and dilation."""
    return [Kernel(*values) for values in zip(*(_spread(value, count) for value in numbers), strict=True)]


def _convolution(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    weight, stride, padding, dilation, transposed = args[1], args[3], args[4], args[5], args[6]
    kernels = _kernels(len(field.axes), list(weight.shape[2:]), stride, padding, dilation)
    return _each(field, result, fields.slide_transposed if transposed else fields.slide, kernels)


def _pool(field: Field, source: Tensor, result: Tensor, args: Any, dilation: Any = 1) -> Field:  # noqa: ANN401
    stride = args[2] if len(args) > 2 and args[2] else args[1]
    padding = args[3] if len(args) > 3 else 0
    return _each(field, result, fields.slide, _kernels(len(field.axes), args[1], stride, padding, dilation))


def _max_pool(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    return _pool(field, source, result, args, args[4] if len(args) > 4 else 1)


def _adaptive_pool(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    return _each(field, result, fields.share)


def _mean(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    axes = [axis % source.ndim for axis in args[1]] if len(args) > 1 and args[1] else list(range(source.ndim))
    keeps = result.ndim == source.ndim
    if not set(axes) & set(field.axes):
        return field if keeps else everything(field)
    if not keeps:
        return everything(field)
    return field.with_lines(
        [line.whole() if a in axes else line for line, a in zip(field.lines, field.axes, strict=True)]
    )


def _padding(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    amounts = list(args[1])  # pairs (before, after), from the last axis backwards
    pairs = [2 * (source.ndim - 1 - axis) for axis in field.axes]
    kernels = [Kernel(1, padding=amounts[pair] if pair < len(amounts) else 0) for pair in pairs]
    return _each(field, result, fields.slide, kernels)


def _cut(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    axis = args[1] % source.ndim
    start = slice(*args[2:4] or (None,)).indices(source.shape[axis])[0]
    step = args[4] if len(args) > 4 else 1
    kernels = [Kernel(1, step, -start) if own == axis else Kernel(1) for own in field.axes]
    return _each(field, result, fields.slide, kernels)


def _unpool(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    return _each(field, result, fields.unpool)


def _nearest(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    return _each(field, result, fields.repeat)


def _bilinear(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    return _each(field, result, partial(fields.interpolate, align_corners=bool(args[2])))


_MIXING: dict[Any, int] = {
    _aten.flip: 1, _aten.roll: 2, _aten.cumsum: 1, _aten._softmax: 1, _aten.native_layer_norm: 1,
    _aten.native_group_norm: 0,
}  # fmt: skip
"""Operators that look at all places along some axes, and which argument says which."""


def _mixes(operator: Any, args: Any, source: Tensor, field: Field) -> bool:  # noqa: ANN401
    """Whether such an operator looks along a spatial axis."""
    if operator is _aten.native_group_norm:
        return True
    told = args[_MIXING[operator]] if len(args) > _MIXING[operator] else []
    axes = [told] if isinstance(told, int) else list(told)
    if operator is _aten.native_layer_norm:
        axes = list(range(source.ndim - len(axes), source.ndim))
    return not axes or any(axis % source.ndim in field.axes for axis in axes)


_SLIDING: dict[Any, Any] = {
    _aten.convolution: _convolution,
    _aten.max_pool2d_with_indices: _max_pool,
    _aten.max_pool3d_with_indices: _max_pool,
    _aten.max_pool2d: _max_pool,
    _aten.avg_pool2d: _pool,
    _aten.avg_pool3d: _pool,
    _aten._adaptive_avg_pool2d: _adaptive_pool,
    _aten._adaptive_avg_pool3d: _adaptive_pool,
    _aten.adaptive_max_pool2d: _adaptive_pool,
    _aten.mean: _mean,
    _aten.sum: _mean,
    _aten.constant_pad_nd: _padding,
    _aten.reflection_pad2d: _padding,
    _aten.replication_pad2d: _padding,
    _aten.slice: _cut,
    _aten.max_unpool2d: _unpool,
    _aten.upsample_nearest2d: _nearest,
    _aten.upsample_nearest3d: _nearest,
    _aten.upsample_bilinear2d: _bilinear,
    _aten.upsample_trilinear3d: _bilinear,
}


def _viewed(field: Field, old: Sequence[int], new: Sequence[int]) -> Field:
    """The field after a change of shape: positions stay where the last axes stay, and are lost otherwise."""
    count = len(field.axes)
    old, new = tuple(old), tuple(new)
    if field.folded is not None:
        return field.with_axes(field.axes) if new[:-1] == field.folded else everything(field)
    if count and field.axes == tuple(range(len(old) - count, len(old))) and new[-count:] == old[-count:]:
        return field.with_axes(range(len(new) - count, len(new)))
    if count and len(new) == 2 and new[-1] == old[-1] and len(old) - 1 not in field.axes:
        return field.with_axes(field.axes, old[:-1])
    return everything(field)


def _multiply_adds(operator: Any, args: Any, result: Tensor) -> int:  # noqa: ANN401
    """Multiply-adds of convolutions and matrix products; the rest is small beside them."""
    if operator is _aten.convolution:
        weight, transposed = args[1], args[6]
        places = args[0].numel() // args[0].shape[1] if transposed else result.numel() // result.shape[1]
        return weight.numel() * places
    if operator is _aten.mm:
        return args[0].shape[0] * args[0].shape[1] * args[1].shape[1]
    if operator is _aten.addmm:
        return args[1].shape[0] * args[1].shape[1] * args[2].shape[1]
    if operator in (_aten.bmm, _aten.baddbmm):
        first, second = args[-2:] if operator is _aten.baddbmm else args[:2]
        return first.shape[0] * first.shape[1] * first.shape[2] * second.shape[2]
    if "attention" in str(operator):
        query, key = args[0], args[1]
        return 2 * query.numel() * key.shape[-2]
    return 0
