"""Coded concepts: what a thing is, in the words of a terminology."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Code:
    """A concept of a coding scheme.

    Attributes
    ----------
    value
        Code Value (``59441001``).
    scheme
        Coding Scheme Designator (``SCT``, ``DCM``).
    meaning
        Code Meaning, for people (``Lymph node``); two codes that differ in it alone are equal.

    References
    ----------
    DICOM PS3.3 8 (Encoding of Coded Entry Data), PS3.16 8 (coding schemes).
    """

    value: str
    scheme: str
    meaning: str = field(compare=False)
