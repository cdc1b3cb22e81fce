"""Properties that are computed once, without a lock."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):
    """A property that is computed when it is first asked for, and kept.

    Up to Python 3.11, :class:`functools.cached_property` holds one lock for all instances of a class while it computes,
    so that threads that work on different instances wait for one another. Here two threads that ask one instance at
    once may both compute.

    >>> class Circle:
    ...     radius = 2
    ...     @once
    ...     def area(self):
    ...         print("computed")
    ...         return 3 * self.radius**2
    >>> circle = Circle()
    >>> circle.area
    computed
    12
    >>> circle.area
    12
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        found = vars(instance)[self._name] = self._compute(instance)
        return found
