"""Properties that are computed once: threads that work on different instances do not wait for one another."""

import threading

from visus._once import once


class Slow:
    """Ends only when both instances compute at once."""

    meeting = threading.Barrier(2, timeout=30)
    computed = 0

    @once
    def value(self) -> int:
        """Of one instance."""
        type(self).computed += 1
        return self.meeting.wait()


def test_two_instances_are_computed_at_once_and_each_once() -> None:
    two = [Slow(), Slow()]
    found: list[int] = []
    threads = [threading.Thread(target=lambda own=own: found.append(own.value)) for own in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1]
    assert {own.value for own in two} == {0, 1}
    assert Slow.computed == 2
    assert Slow.value.__doc__ == "Of one instance."
