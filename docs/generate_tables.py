"""Write ``docs/tables.md`` from the schemas: ``python docs/generate_tables.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hilum.model.tables import CATALOG_TABLES, LESIONS, MARKS, OUTCOMES, RELEASE_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hilum.model.tables import Column, Table

PAGE = Path(__file__).with_name("tables.md")

INTRODUCTION = """\
# Tables

<!-- Written by docs/generate_tables.py from src/hilum/model/tables.py: change it there. -->

Every table of the catalog, of a run, of a release and of a published result, as `hilum sql` and the Parquet files show
it. A column that is a DICOM attribute keeps the DICOM keyword. Types: `text`; `int` (64 bits); `float` (64 bits);
`bool`; `date`, a calendar day; `time`, a moment in UTC; `bytes`. A column marked ● is never empty.
"""


def page() -> str:
    """Give the whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            "## Tables of the catalog\n",
            *map(_section, CATALOG_TABLES),
            "## Tables of a run\n",
            *map(_section, (LESIONS, MARKS)),
            "## Tables of a release\n\nBesides `series`, `checks`, `sources`, `participants` and `lesions`.\n",
            *map(_section, RELEASE_TABLES),
            "## Table of a published result\n",
            _section(OUTCOMES),
        ]
    )


def _section(table: Table) -> str:
    return f"### {table.name}\n\nA row is {table.row}.\n\n{_grid(table.columns)}"


def _grid(columns: Iterable[Column]) -> str:
    lines = ["| column | type | unit | | meaning |", "|---|---|---|---|---|"]
    lines += [
        f"| `{column.name}` | {column.type} | {column.unit} | {'●' if column.required else ''} | {column.meaning} |"
        for column in columns
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
