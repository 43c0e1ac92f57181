"""Views to learn from: many of each lesion, few of everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.detect.labels import NEGATIVE, POSITIVE, label_candidates, require_both
from hilum.detect.views import draw_views, sample_views
from hilum.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hilum.detect.views import Pictures, ViewSettings
    from hilum.model.findings import Lesion
    from hilum.volume.volume import Volume

    Rows = NDArray[np.intp]

LEAST_PERSONS = 2
"""Persons with views of both kinds who teach before any is held out."""


@dataclass(frozen=True, slots=True)
class ExampleSettings:
    """How many views teach.

    Attributes
    ----------
    lesion_views
        Views a lesion, however many candidates lie on it: so each lesion counts the same.
    other_views
        Views a candidate that lies on none. One is enough, there being hundreds of them a lesion.
    held_out_share
        Share of the persons with lesions whose views do not teach, but say when to stop.
    """

    lesion_views: int = 60
    other_views: int = 1
    held_out_share: float = 0.2


@dataclass(frozen=True, eq=False)
class ViewExamples:
    """Views with what they show.

    Attributes
    ----------
    pictures
        ``(n, 3, pixels, pixels)`` grey values.
    labels
        ``(n,)``, `POSITIVE` or `NEGATIVE`.
    person_ids
        ``(n,)`` text: whose they are.
    """

    pictures: Pictures
    labels: NDArray[np.int8]
    person_ids: NDArray[np.str_]

    @classmethod
    def joined(cls, parts: Sequence[ViewExamples]) -> ViewExamples:
        """Examples of several series, in order.

        Raises
        ------
        DetectorError
            There is no series, no candidate lies on a lesion, or all do.
        """
        if not parts:
            raise DetectorError("no series to learn from: the cohort, or this fold of it, is empty")
        joined = cls(
            np.concatenate([part.pictures for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.person_ids for part in parts]),
        )
        require_both(joined.labels)
        return joined

    def take(self, rows: Rows) -> ViewExamples:
        """Examples at `rows`."""
        return ViewExamples(self.pictures[rows], self.labels[rows], self.person_ids[rows])

    def split_by_person(self, share: float, generator: np.random.Generator) -> tuple[Rows, Rows]:
        """Rows to learn from, and rows of the persons that are held out: one or more of those with views of both kinds.

        At least `LEAST_PERSONS` of those teach: of so few none is held out. A person without lesions teaches.
        """
        persons = np.intersect1d(self.person_ids[self.labels == POSITIVE], self.person_ids[self.labels == NEGATIVE])
        wanted = max(1, round(share * len(persons)))
        count = max(0, min(wanted, len(persons) - LEAST_PERSONS))
        is_held_out = np.isin(self.person_ids, generator.permutation(persons)[:count])
        return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def view_examples(
    volume: Volume,
    points_mm: NDArray[np.float64],
    lesions: Sequence[Lesion],
    person_id: str,
    *,
    settings: ExampleSettings,
    views: ViewSettings,
    generator: np.random.Generator,
) -> ViewExamples:
    """Random views of a series' candidates; none of those near a lesion that are neither on it nor off it.

    Parameters
    ----------
    points_mm
        ``(n, 3)`` LPS, the candidates.
    lesions
        Of the same series.
    """
    labels, weights = label_candidates(points_mm, lesions)
    times = np.zeros(len(labels), dtype=np.intp)
    times[labels == NEGATIVE] = settings.other_views
    of_lesions = np.rint(weights[labels == POSITIVE] * settings.lesion_views).astype(np.intp)
    times[labels == POSITIVE] = np.maximum(1, of_lesions)
    chosen = np.repeat(np.arange(len(labels)), times)
    drawn = draw_views(len(chosen), views, generator)
    pictures = sample_views(volume, points_mm[chosen], drawn, views)
    return ViewExamples(pictures, labels[chosen], np.full(len(chosen), person_id))


def balanced_batches(labels: NDArray[np.int8], size: int, generator: np.random.Generator, hard: Rows) -> Iterator[Rows]:
    """Rows of one epoch: each positive once, and in each batch as many negatives.

    Parameters
    ----------
    labels
        ``(n,)``, of both kinds.
    size
        Rows a batch, even.
    hard
        Rows of negatives, at most as many as there are positives, that are all shown; the others are drawn.
    """
    positives = generator.permutation(np.flatnonzero(labels == POSITIVE))
    drawn = np.resize(generator.permutation(np.flatnonzero(labels == NEGATIVE)), len(positives) - len(hard))
    negatives = generator.permutation(np.concatenate([hard, drawn]))
    for start in range(0, len(positives), size // 2):
        some = slice(start, start + size // 2)
        yield np.concatenate([positives[some], negatives[some]])
