"""Reports of measurements (TID 1500) read as lesions and marks, whoever wrote them.

A group is one finding: its axes, region or point, on an image or in the patient. A group whose place cannot be read is
refused by name, with the reason.

References
----------
DICOM PS3.16 TID 1500, 1410, 1411, 1501. Written by dcmqi, highdicom and OHIF (dcmjs) besides hilum; see
`hilum.findings.structured_report_groups`.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from hilum.errors import FormatError
from hilum.findings import structured_report_codes as codes
from hilum.findings.code_sequences import read_code
from hilum.findings.dicom_start import sop_class_of
from hilum.findings.format import exam_of
from hilum.findings.refusing import Refusals
from hilum.findings.structured_report_findings import finding_of
from hilum.findings.structured_report_items import read_item
from hilum.findings.structured_report_places import Places
from hilum.model.findings import FindingSet, Lesion, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from hilum.model.codes import Code
    from hilum.model.series import Series

SR_CLASSES = "1.2.840.10008.5.1.4.1.1.88."
"""Begin of the SOP classes of structured reports."""

SUFFIXES = (".sr.dcm",)

UNREADABLE = "unreadable-group"
"""Name of the check."""


def is_structured_report(path: Path, start: bytes) -> bool:  # noqa: ARG001 - every format is asked alike
    """Whether a file is a structured report, by its first bytes."""
    return sop_class_of(start).startswith(SR_CLASSES)


def read_structured_report(path: Path, target: Series | None) -> FindingSet:
    """Read the measurement groups of a report as lesions, and as marks those with a score of hilum's.

    Parameters
    ----------
    target
        Series that the report is on; needed where its findings are drawn on images, not in the patient.

    Raises
    ------
    FormatError
        The file is no report of measurements, or none of its groups can be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's word on odd values: they are read as they are
        groups = _groups(_dataset(path), path)
        places, refusals = Places(path, target), Refusals(is_lenient=True)
        found = list(_findings(groups, places, exam_of(path, target, SUFFIXES), refusals))
    if groups and not found:
        first = refusals.found[0]
        raise FormatError(f"{path}: none of {len(groups)} measurement groups can be read; {first.item}: {first.reason}")
    return FindingSet(
        exam_id=exam_of(path, target, SUFFIXES),
        series_uid="" if target is None else target.uid,
        frame_of_reference_uid=places.frame_of_reference_uid,
        lesions=tuple(one for one in found if isinstance(one, Lesion)),
        marks=tuple(one for one in found if isinstance(one, Mark)),
        refusals=refusals.found,
    )


def _dataset(path: Path) -> Dataset:
    import pydicom

    try:
        dataset = pydicom.dcmread(path, force=True)
        sop_class = str(dataset.get("SOPClassUID") or "")
    except Exception as error:  # pydicom raises whatever a damaged element makes it stumble on
        raise FormatError(f"{path}: cannot be read as DICOM ({error}); expected a structured report") from error
    if not sop_class.startswith(SR_CLASSES):
        raise FormatError(f"{path}: SOP class {sop_class or 'not stated'}; expected a structured report")
    return dataset


def _groups(dataset: Dataset, path: Path) -> list[Dataset]:
    """Measurement groups of a report.

    Raises
    ------
    FormatError
        It is a report of another kind, or damaged.
    """
    try:
        title = read_code(dataset, "ConceptNameCodeSequence")
        template = next((str(one.TemplateIdentifier) for one in dataset.get("ContentTemplateSequence") or ()), "")
        if template != codes.TEMPLATE and title != codes.REPORT:
            raise FormatError(f"{path}: {_kind(title, template)}; expected TID 1500, {_text(codes.REPORT)}")
        parts = _children(dataset, codes.MEASUREMENTS)
        return [group for part in parts for group in part.get("ContentSequence") or ()]
    except FormatError:
        raise
    except Exception as error:  # as above: sequences are decoded as they are asked for
        raise FormatError(f"{path}: its content cannot be decoded ({error!r}); get the file again") from error


def _children(dataset: Dataset, name: Code) -> Iterator[Dataset]:
    children = dataset.get("ContentSequence") or ()
    return (child for child in children if read_code(child, "ConceptNameCodeSequence") == name)


def _findings(groups: Sequence[Dataset], places: Places, exam_id: str, refusals: Refusals) -> Iterator[Lesion | Mark]:
    """What the groups say, each finding under a name of its own; those that cannot be read are refused."""
    seen: Counter[str] = Counter()
    for number, dataset in enumerate(groups, start=1):
        where = f"{places.name}: group {number}"
        try:
            finding = finding_of(read_item(dataset), exam_id, number, places)
        except FormatError as error:
            refusals.refuse(where, UNREADABLE, str(error).removeprefix(f"{places.path}: "))
        except Exception as error:  # noqa: BLE001 - what pydicom raises on a damaged group must not lose the others
            refusals.refuse(where, UNREADABLE, f"cannot be decoded ({error!r}); get the file again")
        else:
            yield _renamed(finding, seen) if isinstance(finding, Lesion) else finding


def _renamed(lesion: Lesion, seen: Counter[str]) -> Lesion:
    """Give a lesion a number behind its name where an earlier one of the report has the name."""
    seen[lesion.lesion_id] += 1
    count = seen[lesion.lesion_id]
    return lesion if count == 1 else replace(lesion, lesion_id=f"{lesion.lesion_id} ({count})")


def _kind(title: Code | None, template: str) -> str:
    named = "without title" if title is None else _text(title)
    return f"a report {named}, {f'template {template}' if template else 'of no template'}"


def _text(code: Code) -> str:
    return f"{code.meaning!r} ({code.value}, {code.scheme})"
