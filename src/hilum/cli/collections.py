"""``hilum collections``: what the archive holds, in counts."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli.output import ArchiveOption, JsonOption, show_json, show_table
from hilum.disk import size_text

if TYPE_CHECKING:
    from hilum.catalog import Archive

TITLES = {
    "original": "original data",
    "rounds": "original data of each screening round",
    "derived": "derived by analyses",
    "checks": "checks that series failed",
    "refusals": "files that were refused",
    "sources": "sources",
}
CITED = ("source_doi", "licence", "citation")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("collections")(count)


def count(
    archive: ArchiveOption,
    collection: Annotated[str | None, typer.Argument(help="Collection; all in brief if absent.")] = None,
    groups: Annotated[bool, typer.Option("--groups", help="The five published groups of NLST participants.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Count participants, exams, studies, series, images and bytes; derived data apart from original data."""
    from hilum.catalog import Archive

    opened = Archive.open(archive)
    if groups and collection is None:
        raise typer.BadParameter("--groups needs a collection, such as nlst")
    if collection is None:
        _show_all(opened, as_json=as_json)
    elif groups:
        _show_groups(opened, collection, as_json=as_json)
    else:
        _show_one(opened, collection, as_json=as_json)


def _show_all(archive: Archive, *, as_json: bool) -> None:
    from hilum.catalog.summary import list_collections

    _show([_with_words(archive, row["collection_id"], row) for row in list_collections(archive)], as_json=as_json)


def _show_groups(archive: Archive, collection: str, *, as_json: bool) -> None:
    from hilum.catalog.groups import count_groups

    _show(count_groups(archive, collection), as_json=as_json)


def _with_words(archive: Archive, collection: str, row: dict[str, Any]) -> dict[str, Any]:
    """Give a row licence and DOI in the steward's words, where its series state none."""
    from hilum.publish.described import read_description

    words = read_description(archive.path, collection)
    return row | {"licence": row["licence"] or words.licence, "source_doi": row["source_doi"] or words.doi}


def _show_one(archive: Archive, collection: str, *, as_json: bool) -> None:
    from hilum.catalog.summary import summarize

    summary = asdict(summarize(archive, collection))
    summary["original"] = [_with_words(archive, collection, row) for row in summary["original"]]
    if as_json:
        show_json(summary)
        return
    # The whole of a source is in --json; a table has room for what a paper needs.
    summary["sources"] = [{name: source[name] for name in CITED} for source in summary["sources"]]
    for section, title in TITLES.items():
        if summary[section]:
            _show(summary[section], as_json=False, title=f"{collection}: {title}")


def _show(rows: list[dict[str, Any]], *, as_json: bool, title: str | None = None) -> None:
    """Print rows; bytes in a table as 58.4 GB."""
    if not as_json:
        rows = [
            {
                ("size" if name == "size_bytes" else name): size_text(value) if name == "size_bytes" else value
                for name, value in row.items()
            }
            for row in rows
        ]
    show_table(rows, as_json=as_json, title=title)
