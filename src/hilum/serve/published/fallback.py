"""A file as DICOM JSON through pydicom: big endian, deflated, and whatever else the direct writer declines."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

from hilum.errors import HeaderError
from hilum.model.attributes import PIXEL_DATA_TAGS
from hilum.serve.published.values import BULK_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

UTF8 = {"vr": "CS", "Value": ["ISO_IR 192"]}


def write_with_pydicom(path: str | Path, *, bulk_prefix: str) -> tuple[str, list[tuple[str, str]]]:
    """Text of a file's data set, and the attributes left out: path of tags, and the reason.

    Raises
    ------
    HeaderError
        pydicom cannot read the file either.
    """
    import pydicom

    refused: list[tuple[str, str]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # With its pixels: of a deflated data set nothing else tells whether it has some.
            dataset = pydicom.dcmread(path, force=True)
            found = _data_set(dataset, bulk_prefix, "", refused)
        except Exception as error:
            # pydicom raises whatever a damaged file makes it stumble on
            raise HeaderError(f"pydicom cannot read the header: {error}", check="unreadable-header") from error
    if not found:
        raise HeaderError("no element in the data set; get the file again", check="unreadable-header")
    for name in (f"{tag:08X}" for tag in PIXEL_DATA_TAGS if tag in dataset):
        found[name] = {"vr": "OW", "BulkDataURI": f"{bulk_prefix}/{name}"}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False), refused


def _data_set(dataset: Dataset, bulk_prefix: str, place: str, refused: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag in sorted(dataset.keys()):
        name = f"{int(tag):08X}"
        if not int(tag) & 0xFFFF or int(tag) in PIXEL_DATA_TAGS:
            continue
        try:
            found[name] = _element(dataset[tag], bulk_prefix, f"{place}{name}", refused)
            json.dumps(found[name], allow_nan=False)
        except Exception as error:  # noqa: BLE001 - pydicom raises what the value makes it stumble on
            found.pop(name, None)
            refused.append((f"{place}{name}", f"{type(error).__name__}: {error}"))
    if "00080005" in found:
        found["00080005"] = UTF8
    return found


def _element(element: DataElement, bulk_prefix: str, place: str, refused: list[tuple[str, str]]) -> dict[str, Any]:
    if element.VR == "SQ":
        items = [
            _data_set(item, bulk_prefix, f"{place}/{number}/", refused) for number, item in enumerate(element.value)
        ]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    return dict(element.to_json_dict(lambda _: f"{bulk_prefix}/{place}", BULK_BYTES))
