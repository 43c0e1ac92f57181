"""A work's metadata in the form in which DataCite registers a DOI: JSON and XML of one and the same content.

References
----------
DataCite Metadata Schema 4.5, doi:10.14454/g8e5-6293; JSON form of the DataCite REST API,
https://support.datacite.org/docs/api-create-dois.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.model.licences import Licence
    from hilum.publish.sources import Author
    from hilum.publish.work import Work

SCHEMA_VERSION = "http://datacite.org/schema/kernel-4"
SCHEMA_LOCATION = f"{SCHEMA_VERSION} https://schema.datacite.org/meta/kernel-4.5/metadata.xsd"
SPDX = "https://spdx.org/licenses/"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"

_MANDATORY = ("doi", "authors", "title", "publisher", "year")


def datacite_json(work: Work) -> str:
    """Give the metadata as JSON.

    Raises
    ------
    ConfigError
        Nobody said what the schema cannot do without: DOI, authors, title, publisher, year.
    """
    return json.dumps(_metadata(work), indent=2, ensure_ascii=False) + "\n"


def datacite_xml(work: Work) -> str:
    """Give the metadata as XML.

    Raises
    ------
    ConfigError
        As `datacite_json`.
    """
    metadata = _metadata(work)
    ET.register_namespace("", SCHEMA_VERSION)
    ET.register_namespace("xsi", _INSTANCE)
    root = ET.Element(f"{{{SCHEMA_VERSION}}}resource", {f"{{{_INSTANCE}}}schemaLocation": SCHEMA_LOCATION})
    _add(root, "identifier", metadata["doi"], {"identifierType": "DOI"})
    creators = _add(root, "creators")
    for creator in metadata["creators"]:
        one = _add(creators, "creator")
        _add(one, "creatorName", creator["name"], {"nameType": creator["nameType"]})
        for name in ("givenName", "familyName"):
            if name in creator:
                _add(one, name, creator[name])
    _add(_add(root, "titles"), "title", work.title)
    _add(root, "publisher", metadata["publisher"]["name"])
    _add(root, "publicationYear", metadata["publicationYear"])
    types = metadata["types"]
    _add(root, "resourceType", types["resourceType"], {"resourceTypeGeneral": types["resourceTypeGeneral"]})
    for group, item in _LISTS.items():
        _add_list(root, group, item, metadata.get(group, ()))
    if "version" in metadata:
        _add(root, "version", metadata["version"])
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


_LISTS = {
    "dates": ("date", "date"),
    "relatedIdentifiers": ("relatedIdentifier", "relatedIdentifier"),
    "sizes": ("size", ""),
    "formats": ("format", ""),
    "rightsList": ("rights", "rights"),
    "descriptions": ("description", "description"),
}
"""Lists of the schema: name of an element of each, and the JSON key of its text, empty where the entry is the text."""


def _metadata(work: Work) -> dict[str, Any]:
    work.require("DataCite", *_MANDATORY)
    values: dict[str, Any] = {
        "doi": work.doi,
        "creators": [_creator(author) for author in work.authors],
        "titles": [{"title": work.title}],
        "publisher": {"name": work.publisher},
        "publicationYear": str(work.year),
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Medical images"},
        "dates": [{"date": work.released_on.isoformat(), "dateType": "Updated"}] if work.released_on else [],
        "relatedIdentifiers": _related(work),
        "sizes": [f"{work.size_bytes} bytes", f"{work.file_count} files"] if work.file_count else [],
        "formats": ["application/dicom"],
        "version": work.version,
        "rightsList": [_rights(work.licence)],
        "descriptions": _descriptions(work),
        "schemaVersion": SCHEMA_VERSION,
    }
    return {name: value for name, value in values.items() if value}


def _creator(author: Author) -> dict[str, str]:
    if not author.given:
        return {"name": author.family, "nameType": "Organizational"}
    return {"name": author.text, "nameType": "Personal", "givenName": author.given, "familyName": author.family}


def _related(work: Work) -> list[dict[str, str]]:
    """What it is derived from, and what is to be cited with it."""
    related = [(source.doi, "IsDerivedFrom") for source in work.derived_from if source.doi]
    related += [(publication.doi, "References") for publication in work.publications if publication.doi]
    return [
        {"relatedIdentifier": doi, "relatedIdentifierType": "DOI", "relationType": relation}
        for doi, relation in dict.fromkeys(related)
    ]


def _rights(licence: Licence) -> dict[str, str]:
    values = {"rights": licence.title, "rightsUri": licence.url}
    if licence.spdx:
        values |= {
            "rightsIdentifier": licence.spdx,
            "rightsIdentifierScheme": "SPDX",
            "schemeUri": SPDX,
        }
    return {name: value for name, value in values.items() if value}


def _descriptions(work: Work) -> list[dict[str, str]]:
    texts = {"Abstract": work.description, "TechnicalInfo": work.notes}
    return [{"description": text, "descriptionType": kind} for kind, text in texts.items() if text]


def _add_list(root: ET.Element, group: str, item: tuple[str, str], entries: Sequence[str | Mapping[str, str]]) -> None:
    if not entries:
        return
    name, text_key = item
    parent = _add(root, group)
    for entry in entries:
        if isinstance(entry, str):
            _add(parent, name, entry)
        else:
            attributes = {_XML_NAMES.get(key, key): value for key, value in entry.items() if key != text_key}
            _add(parent, name, entry[text_key], attributes)


_XML_NAMES = {"rightsUri": "rightsURI", "schemeUri": "schemeURI"}
"""Attributes that the XML form spells otherwise than the JSON form."""


def _add(
    parent: ET.Element, name: str, text: str | None = None, attributes: Mapping[str, str] | None = None
) -> ET.Element:
    element = ET.SubElement(parent, f"{{{SCHEMA_VERSION}}}{name}", dict(attributes or {}))
    element.text = text
    return element
