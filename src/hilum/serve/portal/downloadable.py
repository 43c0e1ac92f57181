"""What a page offers to download: how much of it is here, and in how many batches it comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.serve.downloads.chosen import BATCH_SIZE, MAX_SERIES

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from hilum.serve.published.models import Series


@dataclass(frozen=True, slots=True)
class Downloadable:
    """Series that whoever asks may see.

    Attributes
    ----------
    participants
        Whose they are.
    here, elsewhere
        Series whose files are on this server, and those that the catalog only knows of.
    """

    participants: int
    here: int
    elsewhere: int

    @classmethod
    def of(cls, series: QuerySet[Series], *, participants: int) -> Downloadable:
        """Count the series of so many participants."""
        here = series.order_by().filter(instances__isnull=False).count()
        return cls(participants, here, series.order_by().count() - here)

    @property
    def batch_size(self) -> int:
        """Participants in a batch, unless another number is asked for."""
        return BATCH_SIZE

    @property
    def batch_count(self) -> int:
        """Batches of that size."""
        return -(-self.participants // BATCH_SIZE)

    @property
    def comes_in_batches(self) -> bool:
        """Whether one batch does not hold all."""
        return self.batch_count > 1

    @property
    def fits_one_list(self) -> bool:
        """Whether all may be listed at once."""
        return self.here + self.elsewhere <= MAX_SERIES
