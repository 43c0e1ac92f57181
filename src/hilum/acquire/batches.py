"""Participants in batches: the same split each time, whatever the order they are given in."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

from hilum.acquire.manifests.manifest import series_key
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hilum.acquire.wanted import WantedSeries

Item = TypeVar("Item")


def participants_of(series: Iterable[WantedSeries]) -> set[str]:
    """Ids of the participants that series are of.

    Raises
    ------
    ConfigError
        A series does not tell its participant.
    """
    participants = set()
    for one in series:
        if not one.participant_id:
            raise ConfigError(
                f"series {series_key(one)}: its participant is not known, so that batches might part one; name a "
                "cohort or a collection of an archive instead"
            )
        participants.add(one.participant_id)
    return participants


def series_batches(series: Sequence[WantedSeries], batch_size: int) -> tuple[tuple[WantedSeries, ...], ...]:
    """Split series into batches of whole participants (`split_batches`).

    Raises
    ------
    ConfigError
        A series does not tell its participant.
    """
    participants_of(series)
    return split_batches(series, batch_size, lambda one: one.participant_id)


def split_batches(
    items: Iterable[Item], batch_size: int, participant_of: Callable[[Item], str]
) -> tuple[tuple[Item, ...], ...]:
    """Split items into batches of whole participants.

    The participants are taken in the order of their ids and `batch_size` at a time, so a batch depends on the
    participants alone: not on the order of the items, nor on how many series each has.

    Parameters
    ----------
    batch_size
        Participants in a batch; the last may have fewer. TCIA hands NLST out in batches of 2,500.
    participant_of
        Gives the id of an item's participant.

    Returns
    -------
    The batches; the items of one keep the order they were given in. No item gives no batch.

    Raises
    ------
    ValueError
        `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size}: expected at least 1 participant")
    listed = list(items)
    participants = sorted({participant_of(item) for item in listed})
    batch_of = {participant: place // batch_size for place, participant in enumerate(participants)}
    batches: dict[int, list[Item]] = defaultdict(list)
    for item in listed:
        batches[batch_of[participant_of(item)]].append(item)
    return tuple(tuple(batches[number]) for number in sorted(batches))
