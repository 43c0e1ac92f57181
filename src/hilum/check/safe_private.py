"""The private attributes that are known to identify nobody.

References
----------
DICOM PS3.15 section E.3.10 and table E.3.10-1 (Retain Safe Private Option).
"""

from __future__ import annotations

_TABLE = (
    # Private creator, group, last two digits of the elements.
    ("ELSCINT1", 0x00E1, "21 50"),
    ("ELSCINT1", 0x01E1, "26"),
    ("ELSCINT1", 0x01F1, "01 07 26 27"),
    ("GEIIS PACS", 0x0903, "10 11 12"),
    ("GEMS_ACQU_01", 0x0019, "23 24 27 9E"),
    ("GEMS_HELIOS_01", 0x0045, "01 02"),
    ("GEMS_PARM_01", 0x0043, "27 39 6F"),
    ("GEMS_SERS_01", 0x0025, "07"),
    ("HOLOGIC, Inc.", 0x7E01, "01 02 10 11 12"),
    ("NQHeader", 0x0099, "01 02 04 05 10 20 21"),
    ("NQLeft", 0x0199, "01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16"),
    ("NQRight", 0x0299, "01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16"),
    ("Philips Imaging DD 001", 0x2001, "03 04"),
    ("Philips MR Imaging DD 001", 0x2005, "0D 0E"),
    ("Philips PET Private Group", 0x7053, "00 09"),
    ("SIEMENS MR HEADER", 0x0019, "0C 0D 0E 27"),
    ("SIEMENS SYNGO ULTRA-SOUND TOYON DATA STREAMING", 0x7FD1, "01 09 10 11"),
    ("SIEMENS Ultrasound SC2000", 0x0119, "00 01 02 03 04 05 06 07 08 09 10 11 12 13 21"),
    ("SIEMENS Ultrasound SC2000", 0x0129, "00 02 03 04 05 06 07 08 09 10 11 12 20 21 22 29 30"),
    ("SIEMENS Ultrasound SC2000", 0x0139, "01"),
    ("SIEMENS Ultrasound SC2000", 0x0149, "01 02 03"),
    ("SIEMENS Ultrasound SC2000", 0x7FD1, "01 09 10 11"),
)

_SAFE = frozenset(
    (creator, group, int(element, 16)) for creator, group, elements in _TABLE for element in elements.split()
)


def is_safe(creator: str, group: int, element: int) -> bool:
    """Whether a private attribute is on the list: its creator, group, and last two digits of its element."""
    return (creator.strip(), group, element & 0xFF) in _SAFE
