"""What is wrong with a collection: geometry, pixels, references, annotations, duplicates, de-identification."""

from hilum.check.accepted import Acceptance, read_accepted
from hilum.check.collect import series_of_archive, series_of_cohort
from hilum.check.finding import Finding
from hilum.check.names import FolderNames
from hilum.check.options import Options, PixelReading
from hilum.check.report import Report, check_archive, check_folder
from hilum.check.rules import RULES, Rule, Severity, markdown_table
from hilum.check.terms import Terms

__all__ = [
    "RULES",
    "Acceptance",
    "Finding",
    "FolderNames",
    "Options",
    "PixelReading",
    "Report",
    "Rule",
    "Severity",
    "Terms",
    "check_archive",
    "check_folder",
    "markdown_table",
    "read_accepted",
    "series_of_archive",
    "series_of_cohort",
]
