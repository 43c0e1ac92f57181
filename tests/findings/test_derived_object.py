"""Objects derived from a series: whose they are, and their codes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset

from builders import CtSeries
from hilum.errors import FormatError
from hilum.findings.anatomy import LESION, LYMPH_NODE, NODULE, kind_of, site_of
from hilum.findings.code_sequences import code_item, read_code
from hilum.findings.derived_object import TYPE_2, derived_dataset, study_time
from hilum.findings.dicom_start import sop_class_of
from hilum.model.codes import Code
from hilum.model.series import Series
from hilum.volume.source import read_series

if TYPE_CHECKING:
    from pathlib import Path


def test_patient_and_study_are_those_of_the_series(tmp_path: Path) -> None:
    values = {
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "by hand",
        "StudyDescription": "chest",
        "KVP": 90,
    }
    CtSeries(override=values, participant="P7").write(tmp_path)
    dataset = derived_dataset(read_series(tmp_path))
    assert (dataset.PatientID, dataset.StudyDescription, dataset.StudyDate) == ("P7", "chest", "20000102")
    assert (dataset.PatientIdentityRemoved, dataset.DeidentificationMethod) == ("YES", "by hand")
    assert dataset.StudyInstanceUID == CtSeries().study_uid
    assert "KVP" not in dataset
    assert all(keyword in dataset for keyword in TYPE_2)
    assert (dataset.PatientBirthDate, dataset.Manufacturer) == ("", "hilum")


def test_a_header_that_is_gone_is_told(tmp_path: Path) -> None:
    CtSeries().write(tmp_path)
    series = read_series(tmp_path)
    series.instances.paths()[0].unlink()
    with pytest.raises(FormatError, match=r"000000\.dcm: the header of the series cannot be read .*index it again"):
        derived_dataset(series)


def test_when_a_study_was_begun(tmp_path: Path) -> None:
    CtSeries().write(tmp_path)
    row = dict(read_series(tmp_path).row)
    assert study_time(Series(row)) == datetime(2000, 1, 2, 10, 11, 12)  # noqa: DTZ001
    assert study_time(Series({**row, "StudyTime": None})) == datetime(2000, 1, 2)  # noqa: DTZ001
    assert study_time(Series({**row, "StudyTime": "25:00"})) == datetime(2000, 1, 2)  # noqa: DTZ001
    assert study_time(Series({**row, "StudyDate": None})) == datetime(1900, 1, 1)  # noqa: DTZ001


def test_codes_come_back_however_long(tmp_path: Path) -> None:
    dataset = Dataset()
    for value in ("59441001", "12345678901234567"):
        code = Code(value, "SCT", "x" * 70)
        dataset.ConceptCodeSequence = [code_item(code)]
        found = read_code(dataset, "ConceptCodeSequence")
        assert found == code
        assert found is not None
        assert found.meaning == "x" * 64
    assert "LongCodeValue" in dataset.ConceptCodeSequence[0]
    assert read_code(dataset, "ConceptNameCodeSequence") is None


@pytest.mark.parametrize(
    ("label", "kind", "site"),
    [
        ("mediastinal lymph node", LYMPH_NODE, "Mediastinum"),
        ("Abdominal lymph node", LYMPH_NODE, "Abdomen"),
        ("axillary lymph node", LYMPH_NODE, "Axilla"),
        ("right hilar lymph node", LYMPH_NODE, "Hilum of lung"),
        ("pulmonary nodule", NODULE, "Lung"),
        ("mass", LESION, None),
        ("", LESION, None),
    ],
)
def test_labels_say_what_and_where(label: str, kind: Code, site: str | None) -> None:
    found = site_of(label)
    assert kind_of(label) == kind
    assert (None if found is None else found.meaning) == site


def test_the_kind_of_object_stands_at_the_start_of_a_file(tmp_path: Path) -> None:
    path = CtSeries().write(tmp_path)[0]
    start = path.read_bytes()
    assert sop_class_of(start[:4096]) == "1.2.840.10008.5.1.4.1.1.2"
    assert sop_class_of(start[132:]) == "1.2.840.10008.5.1.4.1.1.2"
    assert (
        sop_class_of(b"\x08\0\x16\0\x1a\0\0\x001.2.840.10008.5.1.4.1.1.7\0\x08\0\x18\0") == "1.2.840.10008.5.1.4.1.1.7"
    )
    assert sop_class_of(b"no DICOM") == ""
