"""Criteria: their words, their form in JSON, what is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from hilum.cohort import Criteria
from hilum.errors import ConfigError
from hilum.model.kinds import ImageKind, KernelClass

FULL = Criteria(
    collections=("nlst", "other"),
    modalities=("CT", "PT"),
    kinds=(ImageKind.AXIAL, ImageKind.REFORMAT),
    rounds=(0, 2),
    kernel_classes=(KernelClass.SOFT,),
    min_thickness_mm=0.5,
    max_thickness_mm=2.5,
    min_slices=50,
    volume_only=True,
    where="KVP <= 120 -- low voltage",
    one_per="exam",
)


def test_say_each_step_in_the_order_it_is_taken() -> None:
    assert [condition.label for condition in FULL.conditions()] == [
        "in nlst and other",
        "CT or PT",
        "original, not derived by an analysis",
        "without localizers",
        "axial or reformat",
        "of round T0 or T2",
        "of soft kernel",
        "of at least 0.5 mm",
        "of at most 2.5 mm",
        "of at least 50 slices",
        "that form a regular stack",
        "where KVP <= 120 -- low voltage",
    ]


def test_that_ask_nothing_keep_all() -> None:
    conditions = Criteria(modalities=(), original_only=False).conditions()
    assert [(condition.label, condition.sql) for condition in conditions] == [("in all collections", "true")]


def test_that_ask_for_localizers_keep_them() -> None:
    labels = [condition.label for condition in Criteria(kinds=(ImageKind.LOCALIZER, ImageKind.AXIAL)).conditions()]
    assert "without localizers" not in labels


@pytest.mark.parametrize("criteria", [FULL, Criteria()], ids=["full", "empty"])
def test_come_back_from_json(criteria: Criteria) -> None:
    assert Criteria.from_dict(json.loads(json.dumps(criteria.to_dict()))) == criteria


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kinds": ("coronal",)}, "kind 'coronal': expected one of localizer, axial"),
        ({"rounds": (3,)}, "round 3: expected one of 0, 1, 2"),
        ({"kernel_classes": ("hard",)}, "kernel class 'hard': expected one of soft, sharp"),
        ({"prefer_kernel": "hard"}, "kernel class 'hard'"),
        ({"one_per": "study"}, "one per 'study': expected one of exam, participant, none"),
        ({"max_thickness_mm": 0.0}, "max_thickness_mm 0.0: expected a positive number"),
        ({"min_thickness_mm": math.nan}, "positive number"),
        ({"min_slices": -1}, "positive number"),
    ],
)
def test_refuse_what_is_not_known(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Criteria(**wrong)
