"""What a search gives of a study, series or instance: DICOM JSON from what was kept at publishing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hilum.serve.dicomweb.keys import KEYS, RETURNED
from hilum.serve.published.described import instance_of_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hilum.serve.dicomweb.found import FoundInstance
    from hilum.serve.dicomweb.keys import Level
    from hilum.serve.dicomweb.query import Query
    from hilum.serve.published.described import JsonAttributes
    from hilum.serve.published.models import Series, Study

ONLINE, OFFLINE = "ONLINE", "OFFLINE"
"""InstanceAvailability (PS3.3 C.4.23.1.1): the files are here, or known from an index only."""

_NOT_ATTRIBUTES = frozenset({"00080061", "00083002"})
_EMPTY: dict[Level, JsonAttributes] = {
    level: {key.tag: {"vr": key.vr} for key in KEYS if key.tag in RETURNED[level] and key.tag not in _NOT_ATTRIBUTES}
    for level in RETURNED
}
"""Attributes that an answer holds even where they have no value."""


def study_answer(study: Study, summary: Mapping[str, Any], query: Query, root: str) -> JsonAttributes:
    """Give a study.

    Parameters
    ----------
    summary
        ``modalities``, ``series``, ``instances`` and ``here`` of the series that may be seen.
    root
        Address of the service.
    """
    answer = _chosen(study.attributes, "study", query)
    answer["00080056"] = _value("CS", ONLINE if summary["here"] else OFFLINE)
    answer["00080061"] = _value("CS", *summary["modalities"])
    answer["00081190"] = _value("UR", f"{root}/studies/{study.study_uid}")
    answer["00201206"] = _value("IS", summary["series"])
    answer["00201208"] = _value("IS", summary["instances"])
    return dict(sorted(answer.items()))


def series_answer(series: Series, query: Query, root: str, *, with_study: bool) -> JsonAttributes:
    """Give a series; `with_study` with the attributes of its study."""
    answer = _chosen(series.study.attributes, "study", query) if with_study else {}
    answer |= _chosen(series.attributes, "series", query)
    answer["0020000D"] = _value("UI", series.study.study_uid)
    answer["00080056"] = _value("CS", ONLINE if series.is_here else OFFLINE)  # type: ignore[attr-defined]
    answer["00081190"] = _value("UR", f"{root}/studies/{series.study.study_uid}/series/{series.series_uid}")
    answer["00201209"] = _value("IS", series.instance_count)
    return dict(sorted(answer.items()))


def instance_answer(instance: FoundInstance, above: JsonAttributes, query: Query, root: str) -> JsonAttributes:
    """Give an instance, with attributes of what it belongs to."""
    series = instance.series
    described = instance_of_columns(instance.values)
    if query.includes_all or query.include - described.keys():
        described = json.loads(series.metadata().instance(instance.index))
    answer = above | _of_level(described, "instance", query)
    answer["0020000D"] = _value("UI", series.study_uid)
    answer["0020000E"] = _value("UI", series.series_uid)
    answer["00080056"] = _value("CS", ONLINE)
    answer["00083002"] = _value("UI", instance.transfer_syntax)
    answer["00081190"] = _value("UR", instance.address(root))
    return dict(sorted(answer.items()))


def above_instances(series: Series, query: Query, *, with_study: bool, with_series: bool) -> JsonAttributes:
    """Attributes of the study and series that are told with each instance of a search above them."""
    answer = _chosen(series.study.attributes, "study", query) if with_study else {}
    return answer | (_chosen(series.attributes, "series", query) if with_series else {})


def _chosen(attributes: str, level: Level, query: Query) -> JsonAttributes:
    return _of_level(json.loads(attributes), level, query)


def _of_level(described: JsonAttributes, level: Level, query: Query) -> JsonAttributes:
    if query.includes_all:
        return _EMPTY[level] | described
    returned, include = RETURNED[level], query.include
    return _EMPTY[level] | {tag: value for tag, value in described.items() if tag in returned or tag in include}


def _value(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}
