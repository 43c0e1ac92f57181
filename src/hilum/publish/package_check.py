"""The check of what is about to be released: `hilum check`'s report without the paths of this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from hilum.check import Severity, check_archive
from hilum.errors import Refusal
from hilum.model.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.check import Acceptance, Finding, Options, Report
    from hilum.publish.contents import Subject


def check_subject(
    archive: Archive,
    subject: Subject,
    *,
    options: Options,
    lesions: Path | None,
    accepted: Sequence[Acceptance],
    executor: Executor,
    workers: int,
) -> Report:
    """Check the series of a collection or cohort, and its lesions; places are given below the folders indexed.

    Parameters and errors are those of `hilum.check.check_archive`.
    """
    series = all_series(subject)
    report = check_archive(
        archive,
        series,
        name=f"{subject.kind} {subject.name}",
        executor=executor,
        workers=workers,
        options=options,
        lesions=lesions,
        accepted=accepted,
    )
    roots = {root for one in series for root in set(one.instances.column("root"))}
    if lesions is not None:
        roots.add(str(lesions.absolute().parent))
        roots.add(str(lesions.parent))
    ordered = sorted(roots - {"."}, key=len, reverse=True)
    return replace(report, findings=tuple(_without_roots(finding, ordered) for finding in report.findings))


def all_series(subject: Subject) -> list[Series]:
    """Give the series of a collection or cohort, whole."""
    batches = (batch for collection_id in subject.series_uids for batch in subject.series(collection_id))
    return [Series(row) for batch in batches for row in batch.to_pylist()]


def open_errors(report: Report) -> tuple[Refusal, ...]:
    """Give the errors of a report that nobody accepted."""
    found = (one for one in report.findings if one.is_open and one.severity is Severity.ERROR)
    return tuple(Refusal(one.item, one.check, one.detail) for one in found)


def report_files(report: Report) -> dict[str, bytes]:
    """Give the content of the report's files by their names."""
    from hilum.assess.page import stylesheet
    from hilum.check.page import report_html

    return {
        "check.json": json.dumps(report.to_dict(), indent=1, ensure_ascii=False, default=str).encode() + b"\n",
        "check.html": report_html(report, style=stylesheet()).encode(),
    }


def _without_roots(finding: Finding, roots: Iterable[str]) -> Finding:
    item, detail, place = (_below(text, roots) for text in (finding.item, finding.detail, finding.place))
    return replace(finding, item=item, detail=detail, place=place)


def _below(text: str, roots: Iterable[str]) -> str:
    for root in roots:
        text = "." if text == root else text.replace(f"{root}/", "")
    return text
