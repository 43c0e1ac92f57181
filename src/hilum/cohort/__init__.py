"""Series chosen from a snapshot of the catalog, frozen as a cohort, and split by person."""

from hilum.cohort.choose import build_cohort
from hilum.cohort.cohort import Cohort, Entry, FlowStep, list_cohorts
from hilum.cohort.criteria import Criteria
from hilum.cohort.facets import Counts, Facet, FacetTable, FacetValue, Total
from hilum.cohort.persons import Link, link_persons, read_links, write_links
from hilum.cohort.proposals import propose_links
from hilum.cohort.rows import cohort_series, column_values
from hilum.cohort.splits import Fold, Part, Split, by_fractions, k_fold, list_splits, make_split

__all__ = [
    "Cohort",
    "Counts",
    "Criteria",
    "Entry",
    "Facet",
    "FacetTable",
    "FacetValue",
    "FlowStep",
    "Fold",
    "Link",
    "Part",
    "Split",
    "Total",
    "build_cohort",
    "by_fractions",
    "cohort_series",
    "column_values",
    "k_fold",
    "link_persons",
    "list_cohorts",
    "list_splits",
    "make_split",
    "propose_links",
    "read_links",
    "write_links",
]
