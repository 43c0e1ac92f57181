from __future__ import annotations

import importlib.util
from pathlib import Path

import pyarrow as pa
import pytest

from hilum.model.attributes import BY_KEYWORD
from hilum.model.tables import CATALOG_TABLES, SERIES, TABLES, Table

DOCS = Path(__file__).resolve().parents[2] / "docs"


def generated_page() -> str:
    spec = importlib.util.spec_from_file_location("generate_tables", DOCS / "generate_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page())


def test_the_page_is_what_the_schemas_say() -> None:
    assert (DOCS / "tables.md").read_text(encoding="utf-8") == generated_page(), "run: python docs/generate_tables.py"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_have_one_name_a_meaning_and_fit_a_table_cell(table: Table) -> None:
    assert len(set(table.column_names)) == len(table.columns)
    for column in table.columns:
        assert column.meaning
        assert "|" not in column.meaning + column.unit


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_name_in_capitals_is_a_dicom_keyword_and_any_other_is_not(table: Table) -> None:
    for column in table.columns:
        assert (column.name in BY_KEYWORD) == column.name[0].isupper(), column.name


@pytest.mark.parametrize("table", CATALOG_TABLES, ids=lambda table: table.name)
def test_every_row_of_the_catalog_belongs_to_a_collection(table: Table) -> None:
    column = table.columns[0]
    assert (column.name, column.type, column.required) == ("collection_id", "text", True)


def test_the_arrow_schema_carries_type_unit_and_meaning() -> None:
    schema = SERIES.arrow_schema()
    field = schema.field("SliceThickness")
    assert schema.names == SERIES.column_names
    assert field.type == pa.float64()
    assert field.nullable
    assert field.metadata == {b"unit": b"mm", b"meaning": b"nominal slice thickness"}
    assert schema.field("StudyDate").type == pa.date32()
    assert schema.field("SeriesNumber").type == pa.int64()
    assert not schema.field("size_bytes").nullable
