"""What the filters that go through the Fourier transform share."""


def fast_length(least: int) -> int:
    """The least length from some on that is quick to transform: a product of twos, threes and fives.

    >>> fast_length(509), fast_length(1)
    (512, 1)
    """
    best = 1 << (least - 1).bit_length()
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            twos = 1 << max(0, (-(-least // threes) - 1).bit_length())
            best = min(best, threes * twos)
            threes *= 3
        fives *= 5
    return best
