"""Lesions that differ in what decides about hits are other lesions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hilum.assess import WithinDistance, assess, why_not_comparable
from hilum.model.findings import Lesion

LESION = Lesion("e", "1", (1.0, 2.0, 3.0), diameter_mm=8.0, box_mm=(4.0, 5.0, 6.0), mask_label=2)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(LESION, diameter_mm=9.0), "lesion of 9 mm"),
        (replace(LESION, box_mm=(4.0, 5.0, 7.0)), "box 4 × 5 × 7 mm"),
        (replace(LESION, box_mm=None), "lesion of 8 mm, mask label 2 at"),
        (replace(LESION, mask_label=3), "mask label 3"),
        (replace(LESION, is_excluded=True), "excluded finding"),
    ],
)
def test_another_extent_is_another_lesion(other: Lesion, words: str) -> None:
    one, two = (assess([lesion], [], ["e"], hit=WithinDistance(5), bootstraps=0) for lesion in (LESION, other))
    reasons = " ".join(why_not_comparable(one, two, ("one", "two")))
    assert "1 only in 'one'" in reasons
    assert words in reasons


def test_another_name_is_not() -> None:
    named = replace(LESION, lesion_id="left")
    one, two = (assess([lesion], [], ["e"], hit=WithinDistance(5), bootstraps=0) for lesion in (LESION, named))
    assert why_not_comparable(one, two, ("one", "two")) == ()
