"""Average precision, for those who publish it.

References
----------
Everingham et al. 2010, doi 10.1007/s11263-009-0275-4 (VOC, the envelope of precision); Lin et al. 2014, doi
10.1007/978-3-319-10602-1_48 (COCO: 101 recalls); Baumgartner et al. 2021, doi 10.1007/978-3-030-87240-3_51
(nnDetection, which takes COCO's for volumes).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from hilum.assess.froc import Froc

PrecisionMethod = Literal["all-point", "101-point", "uninterpolated"]

PRECISION_METHODS: tuple[PrecisionMethod, ...] = get_args(PrecisionMethod)

RECALL_STEPS = 100
"""The 101 recalls of COCO: 0, 0.01, ... 1."""


def average_precision(froc: Froc, method: PrecisionMethod) -> float | None:
    """Mean of the precision over recall.

    Precision is lesions hit / (lesions hit + false positives), and 0 beyond the highest recall. Marks of equal score
    enter together. The envelope of precision is the best at a recall or any higher one.

    Parameters
    ----------
    method
        ``all-point``: the area under the envelope; ``101-point``: the envelope's mean at the recalls 0, 0.01, ... 1;
        ``uninterpolated``: without an envelope, each step of recall at the precision it ends with (scikit-learn,
        PI-CAI).

    Returns
    -------
    None without lesions; 0 without marks.
    """
    if method not in PRECISION_METHODS:
        raise ValueError(f"average precision {method!r}: expected one of {', '.join(PRECISION_METHODS)}")
    if not froc.lesion_count:
        return None
    hit, false = froc.true_positives[1:], froc.false_positives[1:]
    precision = hit / (hit + false)
    steps = np.diff(froc.true_positives)
    if method == "uninterpolated":
        return math.fsum(steps * precision) / froc.lesion_count
    best = np.maximum.accumulate(precision[::-1])[::-1]
    if method == "all-point":
        return math.fsum(steps * best) / froc.lesion_count
    # Whole numbers are compared: 0.07 as a float is not 7 of 100.
    recalls = np.arange(RECALL_STEPS + 1) * froc.lesion_count
    first = np.searchsorted(hit * RECALL_STEPS, recalls, side="left")
    return math.fsum(np.append(best, 0.0)[first]) / (RECALL_STEPS + 1)
