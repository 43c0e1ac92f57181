"""The rules of an assessment as options of the command line: hit criterion, policy, draws."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from hilum.assess import Assessment, HitCriterion, Policy
    from hilum.cli.inputs import Inputs


class SharedMark(StrEnum):
    """What a mark on several lesions counts for."""

    NEAREST = "nearest-lesion"
    EVERY = "every-lesion"


class IntervalMethod(StrEnum):
    """How intervals are taken from the draws."""

    PERCENTILE = "percentile"
    BCA = "bca"


HitOption = Annotated[str, typer.Option(help="within-lesion-radius, or within-distance:MM.")]
Luna16Option = Annotated[bool, typer.Option("--luna16", help="The rules of the LUNA16 challenge.")]
SharedMarkOption = Annotated[
    SharedMark | None, typer.Option(help="What a mark on several lesions counts for.", show_default="nearest-lesion")
]
MaxMarksOption = Annotated[int | None, typer.Option(min=1, help="Assess only the best marks of an exam.")]
IntervalOption = Annotated[IntervalMethod, typer.Option(help="How intervals are taken from the draws.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the draws.")]


def criterion_of(text: str, *, luna16: bool) -> HitCriterion:
    """Criterion written as an option; LUNA16's rules bring their own.

    Raises
    ------
    typer.BadParameter
        None is named, or none of that name is known.
    """
    from hilum.assess import parse_criterion

    if not text and not luna16:
        raise typer.BadParameter(
            "name the hit criterion: within-lesion-radius, or within-distance:15", param_hint="--hit"
        )
    try:
        return parse_criterion(text or "within-lesion-radius")
    except AssessmentError as error:
        raise typer.BadParameter(str(error), param_hint="--hit") from error


def policy_of(*, luna16: bool, shared_mark: SharedMark | None, max_marks: int | None) -> Policy:
    """Policy of the options; those not given are LUNA16's or the usual ones."""
    from hilum.assess import LUNA16, Policy

    policy = LUNA16 if luna16 else Policy()
    if shared_mark:
        policy = replace(policy, shared_mark=shared_mark.value)
    return replace(policy, max_marks_per_exam=max_marks) if max_marks else policy


def assess_inputs(
    inputs: Inputs,
    criterion: HitCriterion,
    policy: Policy,
    *,
    bootstraps: int = 0,
    seed: int = 0,
    interval: IntervalMethod = IntervalMethod.PERCENTILE,
) -> Assessment:
    """Assess what a command names by the rules it names."""
    from hilum.assess import assess

    return assess(
        inputs.lesions,
        inputs.marks,
        inputs.exam_ids,
        hit=criterion,
        participants=inputs.participants,
        bootstraps=bootstraps,
        seed=seed,
        policy=policy,
        interval=interval.value,
    )
