"""Batches on an executor: every item once, memory bounded, errors not swallowed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.config import Settings
from hilum.errors import ConfigError, HeaderError, NotAVolumeError
from hilum.work import IN_FLIGHT_PER_WORKER, map_batches, open_executor

if TYPE_CHECKING:
    from collections.abc import Iterator


def double(batch: list[int]) -> list[int]:
    return [2 * item for item in batch]


def refuse(batch: list[int]) -> list[int]:
    raise HeaderError(f"{batch[0]} is no file", check="not-dicom")


@given(st.integers(0, 60), st.integers(1, 9))
def test_every_item_is_worked_once(count: int, batch_size: int) -> None:
    with ThreadPoolExecutor(2) as executor:
        results = map_batches(double, range(count), executor=executor, batch_size=batch_size, workers=2)
        assert sorted(item for batch in results for item in batch) == [2 * item for item in range(count)]


def test_items_are_taken_no_further_ahead_than_the_workers_need() -> None:
    taken = []

    def endless() -> Iterator[int]:
        item = 0
        while True:
            taken.append(item)
            yield item
            item += 1

    with ThreadPoolExecutor(1) as executor:
        results = map_batches(double, endless(), executor=executor, batch_size=3, workers=1)
        next(results)
        results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 3 * (IN_FLIGHT_PER_WORKER + 1)


def test_the_local_pool_works_in_other_processes_and_brings_errors_home() -> None:
    with open_executor(Settings(workers=2)) as executor:
        assert list(map_batches(double, [1, 2], executor=executor, batch_size=2, workers=2)) == [[2, 4]]
        with pytest.raises(HeaderError, match="7 is no file") as caught:
            list(map_batches(refuse, [7], executor=executor, batch_size=1, workers=2))
        assert caught.value.check == "not-dicom"


def test_errors_with_a_check_survive_pickling() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(NotAVolumeError("no", check="tilted-gantry")))
    assert isinstance(error, NotAVolumeError)
    assert (str(error), error.check) == ("no", "tilted-gantry")


def test_a_dask_scheduler_does_the_work_when_named() -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        settings = Settings(workers=1, dask=cluster.scheduler_address)
        with open_executor(settings) as executor:
            results = map_batches(double, range(5), executor=executor, batch_size=2, workers=1)
            assert sorted(item for batch in results for item in batch) == [0, 2, 4, 6, 8]


def test_a_dask_address_where_nobody_answers_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match="no-such-scheme"), open_executor(Settings(dask="no-such-scheme://1:1")):
        pass


@pytest.mark.parametrize(("count", "is_here"), [(0, True), (1, True), (5, True), (6, False)])
def test_a_few_items_are_done_in_this_process(count: int, is_here: bool) -> None:
    with ThreadPoolExecutor(2) as executor:
        results = list(map_batches(name_of_thread, range(count), executor=executor, batch_size=2, workers=2, few=5))
    assert sum(number for number, _ in results) == count
    assert all((name == threading.current_thread().name) == is_here for _, name in results)


def name_of_thread(batch: list[int]) -> tuple[int, str]:
    return len(batch), threading.current_thread().name
