"""What lesions are and where they lie, in SNOMED CT.

References
----------
DICOM PS3.16 CID 7600 (Lymph node), CID 4031 (Common anatomic regions), CID 6101 (Lung finding or abnormality).
"""

from __future__ import annotations

from hilum.model.codes import Code

LESION = Code("52988006", "SCT", "Lesion")
LYMPH_NODE = Code("59441001", "SCT", "Lymph node")
NODULE = Code("27925004", "SCT", "Nodule")

KINDS: tuple[tuple[str, Code], ...] = (("lymph node", LYMPH_NODE), ("nodule", NODULE))
"""Words of a label, and what they mean; the first that stands in it counts."""

HILUM = Code("46750007", "SCT", "Hilum of lung")
LUNG = Code("39607008", "SCT", "Lung")

SITES: tuple[tuple[str, Code], ...] = (
    ("mediastin", Code("72410000", "SCT", "Mediastinum")),
    ("hilar", HILUM),
    ("hilum", HILUM),
    ("retroperiton", Code("82849001", "SCT", "Retroperitoneum")),
    ("abdom", Code("818981001", "SCT", "Abdomen")),
    ("axill", Code("91470000", "SCT", "Axilla")),
    ("inguinal", Code("26893007", "SCT", "Inguinal region")),
    ("pelvi", Code("816092008", "SCT", "Pelvis")),
    ("neck", Code("45048000", "SCT", "Neck")),
    ("lung", LUNG),
    ("pulmon", LUNG),
)
"""Beginnings of the words for a body region in a label, and the region."""


def kind_of(label: str) -> Code:
    """Say what a lesion of a label is: `LESION` where the label does not say more."""
    return next((code for words, code in KINDS if words in label.lower()), LESION)


def site_of(label: str) -> Code | None:
    """Say where a lesion of a label lies; None where the label does not say."""
    return next((code for words, code in SITES if words in label.lower()), None)
