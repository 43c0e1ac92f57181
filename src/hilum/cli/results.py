"""Results as files and tables: JSON, CSV, Markdown and RJafroc's Excel; strata, lists, and what was refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.output import show_table
from hilum.cli.places import require_writable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.assess import Assessment, Comparison, Strata

SUFFIXES = (".json", ".csv", ".md", ".xlsx")

OutOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Write the result to this file: .json, .csv (figures), .md (tables for a paper) or .xlsx (RJafroc). May "
        "be given several times."
    ),
]


def check_suffixes(paths: Sequence[Path] | None, suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Refuse files of other kinds, and those that cannot be written, before any work is done.

    Raises
    ------
    typer.BadParameter
        A path ends in something else.
    ConfigError
        It cannot be written.
    """
    for path in paths or ():
        if path.suffix not in suffixes:
            raise typer.BadParameter(f"{path}: expected a name that ends in {', '.join(suffixes)}", param_hint="--out")
        require_writable(path)


def write_assessment(
    paths: Sequence[Path] | None, content: Mapping[str, Any], name: str, result: Assessment, strata: Sequence[Strata]
) -> None:
    """Write a result as what each path ends in says; strata go into JSON and Markdown."""
    from hilum.assess.markdown import assessment_markdown, strata_markdown
    from hilum.assess.rjafroc import write_rjafroc

    for path in paths or ():
        if path.suffix == ".json":
            write_json(path, content)
        elif path.suffix == ".csv":
            write_csv(path, result.point_rows())
        elif path.suffix == ".md":
            parts = [assessment_markdown(result), *map(strata_markdown, strata)]
            path.write_text("\n".join(parts), encoding="utf-8")
        else:
            write_rjafroc(path, {name: result})


def write_comparison(
    paths: Sequence[Path] | None,
    content: Mapping[str, Any],
    comparison: Comparison,
    assessments: Mapping[str, Assessment],
) -> None:
    """Write a comparison as what each path ends in says."""
    from hilum.assess.markdown import comparison_markdown
    from hilum.assess.rjafroc import write_rjafroc

    for path in paths or ():
        if path.suffix == ".json":
            write_json(path, content)
        elif path.suffix == ".csv":
            write_csv(path, comparison.rows())
        elif path.suffix == ".md":
            path.write_text(comparison_markdown(comparison), encoding="utf-8")
        else:
            write_rjafroc(path, assessments)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that has no NaN in it."""
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
    """Write rows with a head; `columns` names those of a table that may be empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or list(rows[0] if rows else ()), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def show_strata(strata: Strata) -> None:
    """Print strata, the whole last."""
    names = {"false_positives_per_exam": "FP an exam", "low": "from", "high": "to", "own_sensitivity": "own"}
    dropped = {"participants", "missed", "own_low", "own_high"} | (
        {"exams", "false_positives", "own_sensitivity"} if strata.unit == "lesion" else set()
    )
    rows = [
        {names.get(key, key).replace("_", " "): value for key, value in row.items() if key not in dropped}
        for row in strata.rows()
    ]
    show_table(rows, as_json=False, title=f"By {strata.column}")
