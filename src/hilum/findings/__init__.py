"""Findings in and out: lesions of a reference standard and marks, in the formats people publish them in."""

from hilum.findings.reading import LesionFile, MarkFile, read_exams, read_lesions, read_marks

__all__ = ["LesionFile", "MarkFile", "read_exams", "read_lesions", "read_marks"]
