"""Coded concepts in a data set.

References
----------
DICOM PS3.3 8.8 (Standard attribute sets for code sequences).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.model.codes import Code

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

VALUE_LENGTH, MEANING_LENGTH = 16, 64
"""Characters of a CodeValue (VR SH; a longer one is a LongCodeValue) and of a CodeMeaning (VR LO)."""

_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")


def code_item(code: Code) -> Dataset:
    """Give the item of a code sequence."""
    from pydicom.dataset import Dataset

    item = Dataset()
    setattr(item, "CodeValue" if len(code.value) <= VALUE_LENGTH else "LongCodeValue", code.value)
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning[:MEANING_LENGTH]
    return item


def read_code(dataset: Dataset, keyword: str) -> Code | None:
    """Give the first code of a sequence; None where there is none."""
    items: Any = dataset.get(keyword)
    if not items:
        return None
    value = next((str(items[0].get(name)) for name in _VALUES if items[0].get(name)), "")
    return Code(value, str(items[0].get("CodingSchemeDesignator") or ""), str(items[0].get("CodeMeaning") or ""))
