from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from hilum.catalog.groups import NOT_IN_TABLE, count_groups
from hilum.catalog.participants import import_participants, read_participants
from hilum.errors import FormatError, NotFoundError
from hilum.model.nlst_groups import Group
from hilum.model.tables import PARTICIPANTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.catalog import Archive

HEALTHY = {
    "dicom_patient_id": "100001",
    "pid": "100001",
    "age": "61",
    "gender": "1",
    "race": "1",
    "cigsmok": "0",
    **{f"scr_res{r}": "1" for r in range(3)},
    **{f"scr_iso{r}": "1" for r in range(3)},
    **{f"scr_days{r}": str(r * 365) for r in range(3)},
    "can_scr": "0",
    "cancyr": ".N",
    "candx_days": "",
    "de_type": ".N",
    "de_stag": ".M",
    "lesionsize": ".",
}


def write_csv(path: Path, *changes: dict[str, str], columns: tuple[str, ...] = tuple(HEALTHY)) -> Path:
    lines = [",".join(columns)]
    lines += [",".join((HEALTHY | change)[name] for name in columns) for change in changes]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "nlst_prsn.csv"


def test_every_column_of_a_line(file: Path) -> None:
    found = read_participants(write_csv(file, {"scr_res1": "5", "lesionsize": "18"}), "nlst")
    assert found.refusals == []
    assert found.rows == [
        {
            "collection_id": "nlst",
            "PatientID": "100001",
            "pid": "100001",
            "age": 61,
            "gender": 1,
            "race": 1,
            "cigsmok": 0,
            "scr_res0": 1,
            "scr_res1": 5,
            "scr_res2": 1,
            "scr_iso0": 1,
            "scr_iso1": 1,
            "scr_iso2": 1,
            "scr_days0": 0,
            "scr_days1": 365,
            "scr_days2": 730,
            "can_scr": 0,
            "cancyr": None,
            "candx_days": None,
            "de_type": None,
            "de_stag": None,
            "lesionsize": 18,
        }
    ]
    assert list(found.rows[0]) == PARTICIPANTS.column_names


def test_other_columns_and_their_order_do_not_matter(file: Path) -> None:
    write_csv(file, {}, columns=tuple(reversed(HEALTHY)))
    text = file.read_text().splitlines()
    file.write_text(
        "\ufeff" + "\r\n".join(f"{line},{extra}" for line, extra in zip(text, ("loccar", "1"), strict=True))
    )
    assert len(read_participants(file, "nlst").rows) == 1


def test_without_dicom_patient_id_the_pid_joins(file: Path) -> None:
    columns = tuple(name for name in HEALTHY if name != "dicom_patient_id")
    assert read_participants(write_csv(file, {}, columns=columns), "nlst").rows[0]["PatientID"] == "100001"


@pytest.mark.parametrize("missing", ["scr_res2", "can_scr", "age"])
def test_a_missing_column(file: Path, missing: str) -> None:
    columns = tuple(name for name in HEALTHY if name != missing)
    with pytest.raises(FormatError, match=f"has no column {missing}; found dicom_patient_id"):
        read_participants(write_csv(file, {}, columns=columns), "nlst")


def test_no_identifier_column(file: Path) -> None:
    columns = tuple(name for name in HEALTHY if name not in {"pid", "dicom_patient_id"})
    with pytest.raises(FormatError, match="has no column dicom_patient_id"):
        read_participants(write_csv(file, {}, columns=columns), "nlst")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,"b\n'])
def test_what_is_no_table(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(FormatError, match=r"nlst_prsn\.csv"):
        read_participants(file, "nlst")


@pytest.mark.parametrize(
    ("change", "check", "reason"),
    [
        ({"age": "old"}, "wrong-type", "age is 'old'; expected a whole number or nothing"),
        ({"age": "61.5"}, "wrong-type", "age is '61.5'"),
        ({"age": "inf"}, "wrong-type", "age is 'inf'"),
        ({"lesionsize": "1e30"}, "wrong-type", "lesionsize is '1e30'"),
        ({"scr_res0": "7"}, "unknown-code", "scr_res0 is 7; expected one of 1, 2, 3, 4, 5, 6, 10, 11"),
        ({"can_scr": "5"}, "unknown-code", "can_scr is 5; expected one of 0, 1, 2, 3, 4, or nothing"),
        ({"cancyr": "8"}, "unknown-code", "cancyr is 8"),
        ({"gender": "0"}, "unknown-code", "gender is 0"),
        ({"pid": "", "dicom_patient_id": ""}, "no-participant", "no dicom_patient_id and no pid"),
        ({"age": "61,62"}, "wrong-field-count", "not one value for each column"),
        ({"pid": "100002", "dicom_patient_id": "100002"}, "duplicated-participant", "is on line 2 already"),
    ],
)
def test_a_bad_line_is_refused_and_the_others_are_kept(
    file: Path, change: dict[str, str], check: str, reason: str
) -> None:
    first = {"pid": "100002", "dicom_patient_id": "100002"}
    last = {"pid": "100003", "dicom_patient_id": "100003"}
    found = read_participants(write_csv(file, first, change, last), "nlst")
    assert [row["PatientID"] for row in found.rows] == ["100002", "100003"]
    (refusal,) = found.refusals
    assert (refusal.item, refusal.check) == (f"{file}:3", check)
    assert reason in refusal.reason


def test_a_parquet_file_gives_the_same_rows(file: Path) -> None:
    csv_rows = read_participants(write_csv(file, {}, {"pid": "2", "dicom_patient_id": "2", "age": "70"}), "nlst").rows
    columns: dict[str, list[Any]] = {name: [row[name] for row in csv_rows] for name in PARTICIPANTS.column_names[2:]}
    columns["dicom_patient_id"] = [100001.0, 2.0]
    columns["cancyr"] = [float("nan"), None]
    path = file.with_suffix(".parquet")
    parquet.write_table(pa.table(columns), path)
    assert read_participants(path, "nlst").rows == csv_rows
    path.write_bytes(b"PAR1")
    with pytest.raises(FormatError, match="is no Parquet file"):
        read_participants(path, "nlst")


def test_import_replaces_the_table_and_joins_by_patient_id(
    archive: Archive, put: Callable[..., None], file: Path
) -> None:
    put({"collection_id": "nlst", "PatientID": "100001"})
    import_participants(archive, write_csv(file, {"age": "55"}), "nlst")
    import_participants(archive, write_csv(file, {"age": "61"}), "nlst")
    joined = archive.query("SELECT age FROM series JOIN participants USING (collection_id, PatientID)")
    assert joined.to_pylist() == [{"age": 61}]


def test_a_file_without_any_good_line_changes_nothing(archive: Archive, file: Path) -> None:
    import_participants(archive, write_csv(file, {}), "nlst")
    for changes in ([], [{"age": "old"}]):
        with pytest.raises(FormatError, match="no participant that can be imported"):
            import_participants(archive, write_csv(file, *changes), "nlst")
    assert archive.snapshot().row_count("participants") == 1


def test_groups_count_every_series_of_the_collection_once(
    archive: Archive, put: Callable[..., None], file: Path
) -> None:
    def images(participant: str, *rounds: int) -> list[dict[str, Any]]:
        return [
            {
                "collection_id": "nlst",
                "PatientID": participant,
                "SeriesInstanceUID": f"{participant}.{r}.{kind}",
                "screening_round": r,
                "image_kind": kind,
                "size_bytes": 10,
            }
            for r in rounds
            for kind in ("localizer", "axial", "reformat")
        ]

    def person(name: str, results: str, **more: str) -> dict[str, str]:
        screens = dict(zip(("scr_res0", "scr_res1", "scr_res2"), results.split(), strict=True))
        return {"pid": name, "dicom_patient_id": name, **screens, **more}

    put(
        *images("1", 0),
        *images("2", 1),
        *images("3", 0, 1, 2),
        *images("4", 0, 1, 2),
        *images("5", 0),
        *images("7", 0, 1),
        {"collection_id": "nlst", "PatientID": "1", "SeriesInstanceUID": "d", "analysis_result_id": "a"},
        {"collection_id": "nlst", "PatientID": "1", "SeriesInstanceUID": "s", "Modality": "SM"},
    )
    write_csv(
        file,
        person("1", "4 23 23", can_scr="1", cancyr="0"),
        person("2", "4 1 1", can_scr="1", cancyr="0"),
        person("3", "1 1 6"),
        person("4", "1 2 3"),
        person("5", "1 1 1"),
        person("6", "4 4 4", can_scr="1", cancyr="0"),
    )
    import_participants(archive, file, "nlst")
    lines = {line["group"]: line for line in count_groups(archive, "nlst")}
    counted = ("participants", "localizer_series", "axial_series", "size_bytes")
    found = {group: tuple(line[name] for name in counted) for group, line in lines.items()}
    assert found == {
        Group.SCREEN_DETECTED: (1, 1, 2, 30),
        Group.CANCER: (1, 1, 2, 30),
        Group.POSITIVE: (1, 3, 6, 90),
        Group.NEGATIVE: (1, 3, 6, 90),
        Group.OTHER: (1, 1, 2, 30),
        NOT_IN_TABLE: (1, 2, 4, 60),
    }
    assert [lines[group]["published_participants"] for group in Group] == [622, 436, 9470, 12548, 3162]


def test_groups_need_a_participant_table(archive: Archive, put: Callable[..., None]) -> None:
    put({"collection_id": "nlst"})
    with pytest.raises(NotFoundError, match="hilum catalog import-participants FILE --collection nlst"):
        count_groups(archive, "nlst")
