"""``hilum cite``: how to cite a collection, a cohort or a release, and what its licence asks."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.output import ArchiveOption  # noqa: TC001 (Typer reads the annotations when it runs)

if TYPE_CHECKING:
    from hilum.catalog import Archive


class Form(StrEnum):
    """Forms of a citation."""

    APA = "apa"
    BIBTEX = "bibtex"
    CFF = "cff"
    DATACITE_JSON = "datacite-json"
    DATACITE_XML = "datacite-xml"
    BUNDLE = "bundle"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("cite")(cite)


def cite(
    name: Annotated[str, typer.Argument(help="Collection, cohort, or a release NAME@VERSION.", show_default=False)],
    archive: ArchiveOption,
    form: Annotated[Form, typer.Option("--format", help="Form of the citation.")] = Form.APA,
) -> None:
    """Say how to cite a collection, a cohort or a release; `bundle` names every source and licence.

    Nothing is asked of the network. What is not known, you write into collections/NAME.toml of the archive.
    """
    from hilum.catalog import Archive

    sys.stdout.write(_text(Archive.open(archive), name, form))


def _text(archive: Archive, name: str, form: Form) -> str:
    from hilum.errors import NotFoundError
    from hilum.publish.contents import choose
    from hilum.publish.metadata import FILE_NAMES, FORMS
    from hilum.publish.release import find_release
    from hilum.publish.work import work_of

    if "@" not in name:
        return FORMS[form](work_of(archive, choose(archive, name)))
    path = find_release(archive, name).folder / FILE_NAMES[form]
    if not path.is_file():
        raise NotFoundError(
            f"{name} was released without {path.name}: what it needs was not known then; say it in collections/"
            f"{name.partition('@')[0]}.toml before the next version"
        )
    return path.read_text(encoding="utf-8")
