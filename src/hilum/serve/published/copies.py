"""Studies and series that stand in several collections: numbered at publishing, so that each can be told once."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Count, Exists, OuterRef, Q, Subquery

from hilum.serve.published.models import Series, Study

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model, QuerySet

Row = TypeVar("Row", Study, Series)

CHUNK = 500
"""Rows numbered by one statement."""

_IDENTIFIED_BY = {Study: ("study_uid",), Series: ("study__study_uid", "series_uid")}
"""What two rows have in common that are copies; a series has a UID of its own, but mistakes occur, and hide nothing."""


def first_copies(seen: QuerySet[Row]) -> QuerySet[Row]:
    """Leave out the later copies, so that each study or series is named once.

    Parameters
    ----------
    seen
        All studies or series that may be seen: who sees one of several collections sees its copies.
    """
    # To put the condition together takes longer than to see that nothing here is in several collections.
    if not has_copies(seen.model):
        return seen
    earlier = seen.order_by().filter(**_same_as_outer(seen.model), copy_number__lt=OuterRef("copy_number"))
    return seen.filter(Q(copy_number__lte=1) | ~Exists(earlier))


def has_copies(model: type[Study | Series]) -> bool:
    """Whether anything stands in several collections; an index of these alone tells."""
    return model.objects.filter(copy_number__gt=1).exists()


def _same_as_outer(model: type[Model]) -> dict[str, Any]:
    if model is Study:
        return {"study_uid": OuterRef("study_uid")}
    # Looked up by the key where it is compared, so that series are counted from an index that has no UID.
    own = Series.objects.filter(pk=OuterRef(OuterRef("pk")))
    return {name: Subquery(own.values(name)) for name in _IDENTIFIED_BY[Series]}


def number_copies() -> None:
    """Number what several collections have, from 1, those whose files are here before the others; 0 is all else."""
    has_files = Exists(Series.objects.filter(study=OuterRef("pk"), instances__isnull=False))
    _number(Study.objects.annotate(is_here=has_files), "study_uid")
    _number(Series.objects.annotate(is_here=Q(instances__isnull=False)), "series_uid")


def _number(rows: QuerySet[Any], uid: str) -> None:
    repeated = rows.model.objects.order_by().values(uid).annotate(rows=Count("pk")).filter(rows__gt=1).values(uid)
    identity = _IDENTIFIED_BY[rows.model]
    ordered = rows.filter(Q(**{f"{uid}__in": repeated}) | Q(copy_number__gt=0))
    ordered = ordered.order_by(*identity, "-is_here", "collection").values_list("pk", "copy_number", *identity)
    changed: dict[int, list[int]] = {}
    for _, copies in groupby(ordered.iterator(), key=lambda row: row[2:]):
        for number, (key, before) in _numbered(list(copies)):
            if number != before:
                changed.setdefault(number, []).append(key)
    for number, keys in changed.items():
        _write(rows.model, number, keys)


def _numbered(copies: list[tuple[Any, ...]]) -> Iterable[tuple[int, tuple[int, int]]]:
    first = 1 if len(copies) > 1 else 0
    return enumerate(((row[0], row[1]) for row in copies), start=first)


def _write(model: type[Model], number: int, keys: list[int]) -> None:
    for start in range(0, len(keys), CHUNK):
        model._default_manager.filter(pk__in=keys[start : start + CHUNK]).update(copy_number=number)  # noqa: SLF001
