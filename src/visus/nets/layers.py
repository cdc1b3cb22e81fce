"""What a network is made of: output, parameters, multiply-adds, receptive field of each layer.

A layer with kernel k, stride s, dilation d and padding p turns the field of its input (size r, jump j between
neighbours, first pixel o) into

    r + d (k - 1) j,    j s,    o - p j

(Dumoulin and Visin 2016; Araujo, Norris and Sim, Distill 2019). Where branches meet, the field covers all of them. What
looks at every position (a linear layer after a map, attention, a global mean) sees the fields of all positions.

The network runs once on the meta device, where tensors have shapes and no values, so a summary costs milliseconds and
no memory. Each operator of that run is seen on its way, so it does not matter how a network is written.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Field:
    """What one unit of a map sees of the input, for each spatial axis.

    Attributes:
        size: Receptive field in pixels.
        stride: Pixels between the fields of neighbours.
        start: First pixel that the first unit sees; negative where it reaches into the padding.
        axes: Which axes of the tensor are spatial.
        folded: Sizes of all axes but the last, while a layer sees them as one axis.
    """

    size: tuple[float, ...]
    stride: tuple[float, ...]
    start: tuple[float, ...]
    axes: tuple[int, ...]
    folded: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One row of the table.

    Attributes:
        name: Name of the module in the network.
        kind: Its class.
        output: Shape of what it gives, without the batch.
        parameters: Weights and biases.
        macs: Multiply-adds for one picture.
        receptive_field: Pixels of each axis that one unit sees; None where positions have no meaning.
        stride: Pixels between neighbours.
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
    """A network, layer by layer.

    Attributes:
        layers: The layers in the order in which they run.
        parameters: Of the whole network.
        macs: Multiply-adds of the whole network for one picture.
        size: Shape of the input ``(C, H, W)``.
    """

    layers: list[Layer]
    parameters: int
    macs: int
    size: tuple[int, ...]

    def layer(self, name: str) -> Layer:
        """The layer of a name; the last run where it runs several times."""
        return next(layer for layer in reversed(self.layers) if layer.name == name)

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
    """Lay out a network as a table.

    Args:
        net: Any network that takes ``(N, C, H, W)`` or ``(N, C, D, H, W)``; it stays as it is.
        size: Shape of one picture, ``(C, H, W)``.

    Returns:
        Every layer without parts of its own, in the order in which they run.
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
            if isinstance(output, Tensor):
                own = 0 if id(module) in counted else sum(p.numel() for p in module.parameters())
                counted.add(id(module))
                layers.append(_layer((name, type(module).__name__), output, own, macs, trace.of(output)))

        hooks += [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
    kind = next((p.dtype for p in meta.parameters()), torch.float32)
    picture = torch.empty(1, *size, device="meta", dtype=kind)
    trace.remember(picture, _whole_input(picture))
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
    sees = None if field is None else tuple(math.ceil(r) for r in field.size)
    return Layer(
        *named,
        tuple(output.shape[1:]),
        parameters,
        macs,
        sees,
        None if field is None else field.stride,
        None if field is None else field.start,
    )


def _whole_input(picture: Tensor) -> Field:
    count = picture.ndim - 2
    return Field((1,) * count, (1,) * count, (0,) * count, tuple(range(2, picture.ndim)))


def through(
    field: Field, kernel: Sequence[int], stride: Sequence[float], padding: Sequence[float], dilation: Sequence[int]
) -> Field:
    """The field behind a layer that slides a kernel over the last axes of a map."""
    size = tuple(r + d * (k - 1) * j for r, d, k, j in zip(field.size, dilation, kernel, field.stride, strict=True))
    jump = tuple(j * s for j, s in zip(field.stride, stride, strict=True))
    start = tuple(o - p * j for o, p, j in zip(field.start, padding, field.stride, strict=True))
    return Field(size, jump, start, field.axes)


def through_transposed(
    field: Field, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> Field:
    """The field behind a transposed convolution: an output takes from ceil(d (k - 1) + 1 / s) inputs at most."""
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    taps = [math.ceil(span / s) for span, s in zip(spans, stride, strict=True)]
    size = tuple(r + (t - 1) * j for r, t, j in zip(field.size, taps, field.stride, strict=True))
    jump = tuple(j / s for j, s in zip(field.stride, stride, strict=True))
    # Output i takes from input ceil((i + p - span + 1) / s) on.
    start = tuple(
        o + math.ceil((p - span + 1) / s) * j
        for o, p, span, s, j in zip(field.start, padding, spans, stride, field.stride, strict=True)
    )
    return Field(size, jump, start, field.axes)


def everything(field: Field, shape: Sequence[int]) -> Field:
    """The field of what looks at every position of a map."""
    counts = [shape[axis] for axis in field.axes] if field.axes else [1] * len(field.size)
    size = tuple(r + (n - 1) * j for r, n, j in zip(field.size, counts, field.stride, strict=True))
    return Field(size, field.stride, field.start, ())


def union(fields: Sequence[Field]) -> Field:
    """The field where branches meet; jumps and axes are those of the first."""
    first = fields[0]
    start = tuple(min(values) for values in zip(*(f.start for f in fields), strict=True))
    ends = [tuple(o + r for o, r in zip(f.start, f.size, strict=True)) for f in fields]
    size = tuple(max(values) - o for values, o in zip(zip(*ends, strict=True), start, strict=True))
    return Field(size, first.stride, start, first.axes, first.folded)


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
        if operator in _SLIDING and field.axes:
            return _SLIDING[operator](field, source, result, args)
        if operator in (_aten.addmm, _aten.mm) and field.folded is not None:
            return field
        if operator in (_aten.addmm, _aten.mm, _aten.bmm, _aten.baddbmm) or "attention" in str(operator):
            return union([everything(self._known(tensor), tensor.shape) for tensor in inputs])
        if operator in (_aten.view, _aten._unsafe_view, _aten.reshape) and len(inputs) == 1:
            return _viewed(field, source.shape, result.shape)
        if operator is _aten.permute:
            order = [axis % source.ndim for axis in args[1]]
            return Field(field.size, field.stride, field.start, tuple(order.index(axis) for axis in field.axes))
        if operator in (_aten.unsqueeze, _aten.squeeze) and field.axes:
            moved = tuple(axis + result.ndim - source.ndim for axis in field.axes)
            if all(a >= 0 and result.shape[a] == source.shape[b] for a, b in zip(moved, field.axes, strict=True)):
                return Field(field.size, field.stride, field.start, moved)
            return everything(field, source.shape)
        return self._default(inputs, result)

    def _default(self, inputs: list[Tensor], result: Tensor) -> Field:
        """Operators that work position by position, where their result has the same positions; else see all."""
        fields = []
        for tensor in inputs:
            field = self._known(tensor)
            same = result.ndim == tensor.ndim and all(
                tensor.shape[axis] in (1, result.shape[axis]) for axis in field.axes
            )
            fields.append(field if same else everything(field, tensor.shape))
        return union(fields)


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


def _convolution(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    weight, stride, padding, dilation, transposed = args[1], args[3], args[4], args[5], args[6]
    count = len(field.axes)
    numbers = [_spread(value, count) for value in (stride, padding, dilation)]
    return (through_transposed if transposed else through)(field, weight.shape[2:], *numbers)


def _pool(field: Field, source: Tensor, result: Tensor, args: Any, dilation: Sequence[int] = ()) -> Field:  # noqa: ANN401
    count = len(field.axes)
    kernel = _spread(args[1], count)
    stride = _spread(args[2], count) if len(args) > 2 and args[2] else kernel
    padding = _spread(args[3], count) if len(args) > 3 else [0] * count
    return through(field, kernel, stride, padding, dilation or [1] * count)


def _max_pool(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    return _pool(field, source, result, args, _spread(args[4], len(field.axes)) if len(args) > 4 else ())


def _adaptive_pool(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    """Window i of m over n values reaches from floor(i n / m) to ceil((i + 1) n / m)."""
    pairs = [(source.shape[axis], result.shape[axis]) for axis in field.axes]
    kernel = [max(-(-(i + 1) * n // m) - i * n // m for i in range(m)) for n, m in pairs]
    return through(field, kernel, [n / m for n, m in pairs], [0] * len(pairs), [1] * len(pairs))


def _mean(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    axes = [axis % source.ndim for axis in args[1]] if len(args) > 1 and args[1] else list(range(source.ndim))
    if not set(axes) & set(field.axes):
        keeps = result.ndim == source.ndim
        return field if keeps else everything(field, source.shape)
    seen = everything(field, source.shape)
    return Field(seen.size, seen.stride, seen.start, field.axes if result.ndim == source.ndim else ())


def _padding(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    amounts = list(args[1])  # pairs (before, after), from the last axis backwards
    start = list(field.start)
    for k, axis in enumerate(field.axes):
        pair = 2 * (source.ndim - 1 - axis)
        start[k] -= amounts[pair] * field.stride[k] if pair < len(amounts) else 0
    return Field(field.size, field.stride, tuple(start), field.axes)


def _upsample(field: Field, source: Tensor, result: Tensor, args: Any, taps: int) -> Field:  # noqa: ANN401
    scale = [source.shape[axis] / result.shape[axis] for axis in field.axes]
    wide = through(field, [taps] * len(scale), scale, [0] * len(scale), [1] * len(scale))
    start = tuple(o - (taps // 2) * j for o, j in zip(wide.start, field.stride, strict=True))
    return Field(wide.size, wide.stride, start, field.axes)


def _nearest(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    return _upsample(field, source, result, args, 1)


def _bilinear(field: Field, source: Tensor, result: Tensor, args: Any) -> Field:  # noqa: ANN401
    return _upsample(field, source, result, args, 2)


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
    _aten.max_unpool2d: _nearest,  # a value comes from somewhere in its cell
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
        if new[:-1] == field.folded:
            return Field(field.size, field.stride, field.start, field.axes)
        shape = (*field.folded, 1)
        return everything(field, shape)
    if count and field.axes == tuple(range(len(old) - count, len(old))) and new[-count:] == old[-count:]:
        return Field(field.size, field.stride, field.start, tuple(range(len(new) - count, len(new))))
    if count and len(new) == 2 and new[-1] == old[-1] and len(old) - 1 not in field.axes:
        return Field(field.size, field.stride, field.start, field.axes, old[:-1])
    return everything(field, old)


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
