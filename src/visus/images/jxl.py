"""JPEG XL by the first bits of its codestream (ISO/IEC 18181-1:2024, annexes B to D), without a decoder."""

from visus.images.boxes import boxes

_SIGNATURE = b"\xff\x0a"
_HEADER = 32  # bytes, of which the sizes and flags take fewer
_SIDES = (9, 13, 18, 30)  # bits of a side
_OWN_DEPTH, _FEW = 3, 2  # by which a depth of its own is told, and the number of further channels, if they are more
_PART = 4  # bytes that number a part of a codestream


class _Bits:
    """Numbers of some bits, the lowest first (B.2.1)."""

    def __init__(self, data: bytes) -> None:
        self.rest = int.from_bytes(data, "little")

    def __call__(self, count: int) -> int:
        value, self.rest = self.rest & ((1 << count) - 1), self.rest >> count
        return value


def is_animated(data: bytes) -> bool:
    """Whether a JPEG XL file is an animation."""
    bits = _Bits(_codestream(data)[len(_SIGNATURE) : _HEADER])
    _pass_over_size(bits)
    if bits(1) or not bits(1):  # all is as usual, or there are no further fields
        return False
    bits(3)  # orientation
    if bits(1):  # a size of its own
        _pass_over_size(bits)
    has_preview = bits(1)
    return not has_preview and bool(bits(1))  # a preview, which is rare, has sizes of its own before this


def bits_in(data: bytes) -> int:
    """Bits of a channel of a JPEG XL file that is no animation (D.3.4 and D.3.5); 8 where a preview hides them."""
    bits = _Bits(_codestream(data)[len(_SIGNATURE) : _HEADER])
    _pass_over_size(bits)
    if bits(1):  # all is as usual
        return 8
    if bits(1):  # further fields: orientation, a size of its own, a preview, an animation
        bits(3)
        if bits(1):
            _pass_over_size(bits)
        if bits(2):
            return 8
    of_kind = (32, 16, 24) if bits(1) else (8, 10, 12)  # floats or whole numbers
    chosen = bits(2)
    return of_kind[chosen] if chosen < len(of_kind) else 1 + bits(6)


def is_lossless(data: bytes) -> bool:
    """Whether a JPEG XL file keeps its numbers: it has its own colors (D.3.1), and no JPEG within; no animation."""
    if len(stream := _codestream(data)) < _HEADER:  # cut off
        return False
    bits = _Bits(stream[len(_SIGNATURE) :])
    _pass_over_size(bits)
    if bits(1):  # all is as usual, in the colors of lossy files
        return False
    if bits(1):
        bits(3)
        if bits(1):
            _pass_over_size(bits)
        if bits(2):
            return False
    are_floats = bits(1)
    if bits(2) == _OWN_DEPTH:
        bits(6)
    bits(4 if are_floats else 0)  # of the exponent
    bits(1)  # whether 16 bits suffice
    further = bits(2)
    further = further if further < _FEW else 2 + bits(4) if further == _FEW else 1 + bits(12)
    if not all(bits(1) for _ in range(further)):  # alpha is as usual
        return False
    return not bits(1) and b"jbrd" not in {name for name, _, _ in boxes(data)}


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream, in a container or alone (ISO/IEC 18181-2, section 9)."""
    if data.startswith(_SIGNATURE):
        return data[:_HEADER]
    for name, start, _ in boxes(data):
        if name in (b"jxlc", b"jxlp"):
            begin = start + (_PART if name == b"jxlp" else 0)
            return data[begin : begin + _HEADER]
    return b""


def _pass_over_size(bits: _Bits) -> None:
    """Height, and width where no ratio gives it (D.2)."""
    small = bits(1)
    bits(5 if small else _SIDES[bits(2)])
    if not bits(3):
        bits(5 if small else _SIDES[bits(2)])
