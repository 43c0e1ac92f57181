"""Series chosen from a snapshot of the catalog, frozen as a cohort, and split by person."""

from hilum.cohort.choose import build_cohort
from hilum.cohort.cohort import Cohort, Entry, FlowStep, list_cohorts
from hilum.cohort.criteria import Criteria
from hilum.cohort.persons import Link, link_persons, read_links, write_links
from hilum.cohort.splits import Fold, Split, by_fractions, k_fold

__all__ = [
    "Cohort",
    "Criteria",
    "Entry",
    "FlowStep",
    "Fold",
    "Link",
    "Split",
    "build_cohort",
    "by_fractions",
    "k_fold",
    "link_persons",
    "list_cohorts",
    "read_links",
    "write_links",
]
