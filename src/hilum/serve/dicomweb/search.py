"""QIDO-RS: searching for studies, series and instances.

References
----------
DICOM PS3.18 section 10.6 (search transaction).
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, Case, Count, Exists, F, OuterRef, Q, Sum, Value, When
from django.http import HttpResponse

from hilum.model.instances import Instances
from hilum.serve.access.decisions import visible_series, visible_studies, whole_collections
from hilum.serve.dicomweb.answers import above_instances, instance_answer, series_answer, study_answer
from hilum.serve.dicomweb.counts import remembered_count
from hilum.serve.dicomweb.found import FoundSeries
from hilum.serve.dicomweb.keys import BY_NAME
from hilum.serve.dicomweb.matching import condition, instance_matches
from hilum.serve.dicomweb.media import DICOM_JSON, JSON, accepted, choose
from hilum.serve.dicomweb.problem import READ, TOO_LARGE, ProblemError, service
from hilum.serve.dicomweb.query import Query, read_query
from hilum.serve.published.copies import first_copies, has_copies
from hilum.serve.published.models import Study
from hilum.serve.published.prepare import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from hilum.serve.access.principal import Principal
    from hilum.serve.dicomweb.found import FoundInstance
    from hilum.serve.published.models import Series

STUDY_ORDER = ("participant_id", "study_date", "study_uid", "id")
MAX_WALKED = 5000
"""Series whose instances one search looks at: about a second."""

GZIP_FROM_BYTES = 4096
GZIP_LEVEL = 1
SERVICE = "hilum"
_MODALITIES = "ModalitiesInStudy"


@service(*READ)
def search_studies(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Studies that match, each once: of several collections, as the first has it; what is counted is of all of them."""
    query = read_query(request.GET, "study")
    found = first_copies(visible_studies(principal)).filter(_conditions(query, principal, study="", series=None))
    # The keys come from an index alone, however far the page is; the rows of those before are not looked at.
    keys = list(found.order_by(*STUDY_ORDER).values_list("pk", flat=True)[query.offset : query.offset + query.limit])
    page = list(Study.objects.filter(pk__in=keys).order_by(*STUDY_ORDER))
    summaries = _summaries(principal, page)
    root = _root(request)
    answers = [
        study_answer(study, summaries[study.study_uid], query, root) for study in page if study.study_uid in summaries
    ]
    return _answered(request, query, answers, _total(principal, _counted(principal, found, query), query, len(page)))


@service(*READ)
def search_series(request: HttpRequest, principal: Principal, study_uid: str | None = None) -> HttpResponse:
    """Series that match, of all studies or of one."""
    query = read_query(request.GET, "series")
    found = _found_series(principal, query, study_uid)
    page = _with_study(found)[query.offset : query.offset + query.limit]
    root = _root(request)
    answers = [series_answer(series, query, root, with_study=study_uid is None) for series in page]
    return _answered(request, query, answers, _total(principal, found, query, len(answers)))


@service(*READ)
def search_instances(
    request: HttpRequest, principal: Principal, study_uid: str | None = None, series_uid: str | None = None
) -> HttpResponse:
    """Instances that match, of all studies, of one, or of one series."""
    query = read_query(request.GET, "instance")
    found = _found_series(principal, query, study_uid).filter(instances__isnull=False)
    if series_uid is not None:
        found = found.filter(series_uid=series_uid)
    wanted = query.of_level("instance")
    if wanted:
        matching = list(_matching_instances(found, query))
        total, page = len(matching), matching[query.offset : query.offset + query.limit]
    else:
        total = found.aggregate(total=Sum("instance_count"))["total"] or 0
        page = list(_slice_of_instances(found, query))
    root = _root(request)
    answers = []
    for series, instance in page:
        above = above_instances(series, query, with_study=study_uid is None, with_series=series_uid is None)
        answers.append(instance_answer(instance, above, query, root))
    return _answered(request, query, answers, total)


def _conditions(query: Query, principal: Principal, *, study: str, series: str | None) -> Q:
    """Condition of all keys of studies and series; `study` and `series` are the ways to their tables."""
    found = Q()
    for key, value in query.matches:
        if key.keyword == _MODALITIES:
            found &= _has_modality(visible_series(principal).filter(_any_modality(value)), study)
        elif key.level == "study":
            found &= condition(key, value, study)
        elif key.level == "series" and series is not None:
            found &= condition(key, value, series)
    return found


def _has_modality(series: QuerySet[Series], study: str) -> Q:
    """Condition that a study has one of some series, in its own collection or in another that has the study too."""
    own = Q(Exists(series.filter(study=OuterRef("study_id" if study else "pk"))))
    if not has_copies(Study):
        return own
    of_copies = Exists(series.filter(study__study_uid=OuterRef(f"{study}study_uid")))
    return own | Q(Q(**{f"{study}copy_number__gt": 0}), of_copies)


def _counted(principal: Principal, found: QuerySet[Study], query: Query) -> QuerySet[Any]:
    """What is counted for the studies found: where a modality alone is asked for, those that its series name.

    One index has them beside each other; to look for one at every study takes five times as long.
    """
    if [key.keyword for key, _ in query.matches] != [_MODALITIES] or has_copies(Study):
        return found
    [(_, value)] = query.matches
    return visible_series(principal).filter(_any_modality(value)).order_by().values("study").distinct()


def _any_modality(value: str) -> Q:
    """Condition that a series has one of the modalities of a list."""
    found = Q()
    for modality in value.replace("\\", ",").split(","):
        found |= condition(BY_NAME["modality"], modality.strip())
    return found


def _found_series(principal: Principal, query: Query, study_uid: str | None) -> QuerySet[Series]:
    found = first_copies(visible_series(principal)).filter(_conditions(query, principal, study="study__", series=""))
    if study_uid is None:
        return found.order_by("id")
    return found.filter(study__study_uid=study_uid).order_by(F("series_number").asc(nulls_last=True), "id")


def _with_study(found: QuerySet[Series]) -> QuerySet[Series]:
    is_here = Case(When(instances__isnull=True, then=Value(False)), default=Value(True), output_field=BooleanField())
    return found.select_related("study").defer("instances").annotate(is_here=is_here)


def _summaries(principal: Principal, studies: Sequence[Study]) -> dict[str, dict[str, Any]]:
    """Modalities, series and instances of studies by their UID, in every collection, as far as they may be seen."""
    uids = {study.pk: study.study_uid for study in studies}
    if shared := [study.study_uid for study in studies if study.copy_number]:
        uids |= dict(Study.objects.filter(study_uid__in=shared).values_list("pk", "study_uid"))
    rows = first_copies(visible_series(principal)).filter(study__in=list(uids)).order_by()
    counted = rows.values("study_id", "modality").annotate(
        series=Count("pk"), images=Sum("instance_count"), here=Count("instances")
    )
    found: dict[str, dict[str, Any]] = {}
    for row in counted:
        empty = {"modalities": set(), "series": 0, "instances": 0, "here": 0}
        summary = found.setdefault(uids[row["study_id"]], empty)
        summary["modalities"] |= {row["modality"]} - {""}
        summary["series"] += row["series"]
        summary["instances"] += row["images"]
        summary["here"] += row["here"]
    for summary in found.values():
        summary["modalities"] = sorted(summary["modalities"])
    return found


def _slice_of_instances(found: QuerySet[Series], query: Query) -> Iterator[tuple[Series, FoundInstance]]:
    """Instances from the offset on, without a look at those before."""
    skipped, left = query.offset, query.limit
    for key, count in found.values_list("pk", "instance_count").iterator():
        if left <= 0:
            return
        if skipped >= count:
            skipped -= count
            continue
        series = _with_study(found).get(pk=key)
        for index in range(skipped, min(count, skipped + left)):
            yield series, _as_found(series).at(index)
        left -= min(count - skipped, left)
        skipped = 0


def _matching_instances(found: QuerySet[Series], query: Query) -> Iterator[tuple[Series, FoundInstance]]:
    """Instances that match keys of their own, each series unpacked.

    Raises
    ------
    ProblemError
        413: too many series would have to be looked at.
    """
    if found[: MAX_WALKED + 1].count() > MAX_WALKED:
        raise ProblemError(TOO_LARGE, f"more than {MAX_WALKED} series to look at; name a study, series or modality too")
    wanted = query.of_level("instance")
    uids = [
        value for key, value in wanted if key.keyword == "SOPInstanceUID" and "," not in value and "\\" not in value
    ]
    for key, packed in _packed(found):
        if uids and Instances.find(packed, uids[0]) is None:
            continue
        matching = [i for i, values in enumerate(Instances.unpack(packed)) if instance_matches(values, wanted)]
        if matching:
            series = _with_study(found).get(pk=key)
            yield from ((series, _as_found(series).at(index)) for index in matching)


def _packed(found: QuerySet[Series]) -> Iterator[tuple[int, bytes]]:
    for key, packed in found.values_list("pk", "instances").iterator(chunk_size=100):
        yield key, bytes(packed or b"")


def _as_found(series: Series) -> FoundSeries:
    return FoundSeries(
        series.pk,
        series.study_id,
        series.study.study_uid,
        series.series_uid,
        series.collection_id,
        series.digest,
        series.instance_count,
    )


def _total(principal: Principal, found: QuerySet[Any], query: Query, on_page: int) -> int:
    """Number of all matches; no counting where the page shows that it is the last."""
    if 0 < on_page < query.limit or (on_page == 0 and query.offset == 0 and query.limit > 0):
        return query.offset + on_page
    return remembered_count(found.order_by(), whole_collections(principal))


def _root(request: HttpRequest) -> str:
    return request.build_absolute_uri(ROOT)


def _answered(request: HttpRequest, query: Query, answers: Sequence[Any], total: int) -> HttpResponse:
    """Give the answers as JSON, with their number and the addresses of the pages before and after."""
    media_type = choose(accepted(request), (DICOM_JSON, JSON))
    body = json.dumps(answers, separators=(",", ":"), ensure_ascii=False).encode()
    response = HttpResponse(content_type=media_type)
    if len(body) >= GZIP_FROM_BYTES and takes_gzip(request):
        body = gzip.compress(body, GZIP_LEVEL)
        response["Content-Encoding"] = "gzip"
    response.content = body
    response["X-Total-Count"] = str(total)
    if links := list(_links(request, query, total)):
        response["Link"] = ", ".join(links)
    if warnings := list(_warnings(query, total)):
        response["Warning"] = ", ".join(warnings)
    return response


def takes_gzip(request: HttpRequest) -> bool:
    """Whether a client takes gzip (RFC 9110, 12.5.3)."""
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _links(request: HttpRequest, query: Query, total: int) -> Iterator[str]:
    offsets = {"prev": query.offset - query.limit if query.offset else None, "next": query.offset + query.limit}
    for name, offset in offsets.items():
        if offset is None or (name == "next" and offset >= total) or not query.limit:
            continue
        parameters = request.GET.copy()
        parameters["offset"], parameters["limit"] = str(max(0, offset)), str(query.limit)
        yield f'<{request.build_absolute_uri(request.path)}?{parameters.urlencode()}>; rel="{name}"'


def _warnings(query: Query, total: int) -> Iterator[str]:
    remaining = total - query.offset - query.limit
    if remaining > 0 and not query.has_limit:
        yield f'299 {SERVICE} "There are {remaining} additional results that can be requested"'
    if query.is_fuzzy:
        yield f'299 {SERVICE} "The fuzzymatching parameter is not supported. Only literal matching has been performed."'
