"""The files of a release that say how to cite it and what its licence asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.errors import ConfigError
from hilum.publish.citing import apa, bibtex, bundle, cff
from hilum.publish.datacite import datacite_json, datacite_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hilum.publish.work import Work

FORMS: Mapping[str, Callable[[Work], str]] = {
    "apa": lambda work: f"{apa(work)}\n",
    "bibtex": bibtex,
    "cff": cff,
    "datacite-json": datacite_json,
    "datacite-xml": datacite_xml,
    "bundle": bundle,
}
"""Each form of a citation by its name."""

FILE_NAMES = {
    "apa": "citation.txt",
    "bibtex": "citation.bib",
    "cff": "CITATION.cff",
    "datacite-json": "datacite.json",
    "datacite-xml": "datacite.xml",
    "bundle": "LICENCES.md",
}
"""Name of the file in a release that holds a form."""


def metadata_files(work: Work) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Give the content of each file by its name, and why some could not be written."""
    files: dict[str, bytes] = {}
    remarks: list[str] = []
    for form, write in FORMS.items():
        try:
            files[FILE_NAMES[form]] = write(work).encode()
        except ConfigError as error:
            remarks.append(f"no {FILE_NAMES[form]}: {error}")
    return files, tuple(remarks)
