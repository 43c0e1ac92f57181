"""Where the files of a series go: IDC's folders or any template like theirs, and both layouts of the NBIA retriever.

References
----------
idc-index, ``dirTemplate``; NBIA Data Retriever, ``DataRetrieverCLI.constrcutFilePath``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from hilum.acquire.columns import COLLECTION_NAME
from hilum.acquire.fingerprints import Fingerprints
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hilum.acquire.wanted import WantedSeries

IDC_TEMPLATE = "%collection_id/%PatientID/%StudyInstanceUID/%Modality_%SeriesInstanceUID"
"""Folders that idc-index makes unless told otherwise."""

TEMPLATE_NAMES = (
    "collection_id",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "StudyDate",
    "StudyID",
    "StudyDescription",
    "SeriesNumber",
    "SeriesDescription",
    "crdc_series_uuid",
)
"""What a template may name; the first five are IDC's."""

RETRIEVER_LAYOUTS = ("classic", "descriptive")
"""Layouts of the NBIA retriever, which leaves a ``metadata.csv`` beside the collections."""

UNKNOWN = "unknown"
"""Stands for a value that the source does not tell."""

LONGEST_PART_BYTES = 120
"""Of a folder's name: file systems allow 255 bytes, Windows 260 characters for a whole path."""

LONGEST_DESCRIPTION = 53
"""Characters of a description that the retriever takes."""

_RESERVED_CHARACTERS = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED_NAMES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(1, 10))}
)
"""What Windows takes for a device, with any ending."""

_DIGEST_LENGTH = 8


class Layout(Protocol):
    """Gives each series its folder."""

    def folder(self, series: WantedSeries) -> str:
        """Path below the target's root, parts joined by ``/``, each safe on every file system."""
        ...


class TemplateLayout:
    """Folders after a template: names of `TEMPLATE_NAMES` behind ``%``, any other text as it stands.

    Raises
    ------
    ConfigError
        The template names something else, or leaves its folder.
    """

    def __init__(self, template: str = IDC_TEMPLATE) -> None:
        self._parts = [_tokens(template, part) for part in template.strip("/").split("/")]

    def folder(self, series: WantedSeries) -> str:
        """See `Layout`; a value that had to be changed to be safe is followed by a digest of what it was."""
        row = series.row()
        parts = ["".join(_value(row, token) if is_name else token for is_name, token in part) for part in self._parts]
        return "/".join(safe_part(part) for part in parts)


class ClassicLayout:
    """The retriever's classic folders: collection, participant, study UID, series UID."""

    def folder(self, series: WantedSeries) -> str:
        """See `Layout`."""
        parts = (_collection(series), series.participant_id, series.study_uid, series.series_uid)
        return "/".join(safe_part(part) for part in parts)


class DescriptiveLayout:
    """The retriever's descriptive folders: date, number and description, with the last digits of the UIDs."""

    def folder(self, series: WantedSeries) -> str:
        """See `Layout`."""
        row = series.row()
        study = _part(us_date(row.get("StudyDate", ""))) + _part(row.get("StudyID", ""))
        study += _description(row.get("StudyDescription", "")) + series.study_uid[-5:]
        last = _part(row.get("SeriesNumber", "")) + _description(row.get("SeriesDescription", ""))
        last += series.series_uid[-5:]
        return "/".join(safe_part(part) for part in (_collection(series), series.participant_id, study, last))


def layout_of(name: str) -> Layout:
    """Give the layout of a name: ``idc``, ``classic``, ``descriptive``, or a template with ``%``.

    Raises
    ------
    ConfigError
        It is none of these.
    """
    named: dict[str, type[Layout]] = {"classic": ClassicLayout, "descriptive": DescriptiveLayout, "idc": TemplateLayout}
    if name in named:
        return named[name]()
    if "%" in name:
        return TemplateLayout(name)
    raise ConfigError(f"layout {name!r}: expected {', '.join(sorted(named))}, or a template such as {IDC_TEMPLATE}")


def place(series: Iterable[WantedSeries], layout: Layout) -> Callable[[WantedSeries], str]:
    """Give what names each of these series its folder, no two the same, not even where upper and lower case are one.

    All series that a layout would put into one folder get a digest of their key behind its name, so that the folders
    depend on the series alone and not on their order. A folder is named when it is asked for: none is kept.
    """
    named = ((layout.folder(one), one.key) for one in series)
    rivals = Fingerprints.of_shared((folder.casefold(), key) for folder, key in named)

    def folder_of(one: WantedSeries) -> str:
        folder = layout.folder(one)
        return f"{folder}~{_digest(one.key)}" if folder.casefold() in rivals else folder

    return folder_of


@lru_cache(maxsize=1024)
def safe_part(text: str) -> str:
    """Give a text as the name of one folder, safe on Linux, macOS and Windows; the same text gives the same name.

    Reserved characters become ``_``, what is too long is cut; a changed text is followed by ``~`` and a digest of what
    it was, so that two texts never become one name. An empty text gives `UNKNOWN`.
    """
    if not text:
        return UNKNOWN
    name = _RESERVED_CHARACTERS.sub("_", unicodedata.normalize("NFC", text))
    if not name.isprintable():
        name = "".join(letter if letter.isprintable() else "_" for letter in name)
    name = name.rstrip(". ").lstrip(" ")
    if name.startswith((".", "~")):
        name = f"_{name[1:]}"
    if name.split(".")[0].lower() in _RESERVED_NAMES:
        name = f"_{name}"
    if name == text and len(name.encode()) <= LONGEST_PART_BYTES:
        return name
    cut = name.encode()[: LONGEST_PART_BYTES - _DIGEST_LENGTH - 1].decode(errors="ignore").rstrip(". ") or "_"
    return f"{cut}~{_digest(text)}"


def us_date(text: str) -> str:
    """Give a date as NBIA writes it, MM-DD-YYYY, from ISO's or DICOM's form; any other text as it is."""
    try:
        day = date.fromisoformat(text[:10] if "-" in text else text)
    except ValueError:
        return text
    return day.strftime("%m-%d-%Y")


def _tokens(template: str, part: str) -> list[tuple[bool, str]]:
    """Names (True) and plain text (False) of one part of a template."""
    if part in ("", ".", ".."):
        raise ConfigError(f"layout {template!r}: part {part!r}; expected names such as %PatientID between the slashes")
    # The longest first: %StudyID would else be found in nothing, but %Study... in all of them.
    names = "|".join(sorted(TEMPLATE_NAMES, key=len, reverse=True))
    tokens = [(bool(found[1]), found[1] or found[2]) for found in re.finditer(rf"%({names})|([^%]+|%)", part)]
    if any(text == "%" for _, text in tokens):
        known = ", ".join(f"%{name}" for name in TEMPLATE_NAMES)
        raise ConfigError(f"layout {template!r}: part {part!r} names something else; expected {known}")
    return tokens


def _collection(series: WantedSeries) -> str:
    """Name of the collection, which the retriever's folders have; its id where nobody tells the name."""
    return series.attributes.get(COLLECTION_NAME, series.collection_id)


def _value(row: dict[str, str], name: str) -> str:
    return row.get(name) or UNKNOWN


def _part(text: str) -> str:
    """As the retriever's ``getPartOfName``."""
    return f"{text}-" if text and text != "null" else ""


def _description(text: str) -> str:
    """As the retriever's ``getDescPartOfName``."""
    text = text.replace("/", "-")
    return f"{text[:LONGEST_DESCRIPTION]}-" if text not in ("", "null", "-") else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
