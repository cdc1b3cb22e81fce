"""Batches are answered in many processes as they are in one."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from visus import cluster as module
from visus._errors import InputError, RunError
from visus.cluster import Cluster, cluster_for

slow = pytest.mark.slow


def squares(place: Path, pause: float = 0.0) -> Callable[[int], tuple[int, int]]:
    """Squares a number, and leaves word of who did it."""

    def square(number: int) -> tuple[int, int]:
        time.sleep(pause * (number % 3))
        (place / f"{number}-{os.getpid()}-{time.time_ns()}").touch()
        if number == 13:
            raise InputError("13 is out of luck; take another number.")
        return number * number, os.getpid()

    return square


@slow
def test_answers_come_in_order_from_several_processes(cluster: Cluster, tmp_path: Path) -> None:
    answers = list(cluster.map(partial(squares, tmp_path, 0.02), (n for n in range(20, 60))))
    assert [square for square, _ in answers] == [n * n for n in range(20, 60)]
    assert len({process for _, process in answers}) == 2
    assert os.getpid() not in {process for _, process in answers}


@slow
def test_an_error_is_the_workers_own_sentence(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^13 is out of luck; take another number\.$"):
        list(cluster.map(partial(squares, tmp_path), range(10, 20)))


@slow
def test_an_error_in_the_making_is_told_too(cluster: Cluster) -> None:
    def broken() -> Callable[[int], int]:
        raise InputError("There are no weights; bring some.")

    with pytest.raises(InputError, match=r"^There are no weights; bring some\.$"):
        list(cluster.map(broken, range(3)))


@slow
def test_no_more_is_taken_than_can_be_held(cluster: Cluster, tmp_path: Path) -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        for number in range(100, 160):
            taken += 1
            yield number

    most = 0
    for yielded, _ in enumerate(cluster.map(partial(squares, tmp_path), numbers()), 1):
        most = max(most, taken - yielded)
        time.sleep(0.005)
    assert taken == 60
    assert most <= module.AHEAD * 2 + 1


@slow
def test_a_killed_process_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    answers = []
    for square, process in cluster.map(partial(squares, tmp_path, 0.02), range(20, 80)):
        if len(answers) == 5:
            os.kill(process, signal.SIGKILL)
        answers.append(square)
    assert answers == [n * n for n in range(20, 80)]
    processes = {path.name.split("-")[1] for path in tmp_path.iterdir()}
    assert len(processes) == 3  # one was started anew


@slow
def test_more_processes_than_there_is_room_for_are_refused(cluster: Cluster) -> None:
    with pytest.raises(InputError, match="has room for 2 processes with a core each, not for 9"):
        list(Cluster(processes=9).map(partial(squares, Path()), range(3)))
    with pytest.raises(InputError, match="has room for 0 processes with a core and a GPU each"):
        Cluster(gpus=1).count()


@slow
@pytest.mark.timeout(300)
def test_a_batch_that_kills_its_worker_again_and_again_is_given_up(cluster: Cluster) -> None:
    def deadly() -> Callable[[int], int]:
        return lambda number: os.kill(os.getpid(), signal.SIGKILL) or number

    with pytest.raises(RunError, match="died again and again over the same work"):
        list(cluster.map(deadly, [1]))


def test_options_of_a_cluster_do_nothing_without_one() -> None:
    assert cluster_for("local", None, None) is None
    assert cluster_for("ray", "auto", 3) == Cluster("auto", 3)
    with pytest.raises(InputError, match="--processes does nothing without --engine ray"):
        cluster_for("local", None, 3)
    with pytest.raises(InputError, match="--address does nothing without --engine ray"):
        cluster_for("local", "auto", None)
