"""The rules of an assessment as options of the command line: hit criterion, policy, draws."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hilum.assess import Assessment, HitCriterion, Policy
    from hilum.cli.inputs import Inputs


class SharedMark(StrEnum):
    """What a mark on several lesions counts for."""

    NEAREST = "nearest-lesion"
    EVERY = "every-lesion"


class Redundant(StrEnum):
    """What further marks on a hit lesion count as."""

    NEITHER = "neither"
    FALSE_POSITIVE = "false-positive"


class Interpolation(StrEnum):
    """How sensitivity is read between the points of the curve."""

    STEP = "step"
    LINEAR = "linear"


class SizeRole(StrEnum):
    """What small lesions, or those of unknown size, count as."""

    EXCLUDED = "excluded"
    LESION = "lesion"
    BACKGROUND = "background"


class IntervalMethod(StrEnum):
    """How intervals are taken from the draws."""

    PERCENTILE = "percentile"
    BCA = "bca"


HitOption = Annotated[
    str,
    typer.Option(
        help="within-lesion-radius, within-distance:MM, box-overlap:IOU, sphere-overlap:IOU, or inside-mask; with "
        ":open or :closed the border is out or in."
    ),
]
MasksOption = Annotated[Path | None, typer.Option(help="Folder of label masks EXAM_ID.nii.gz; inside-mask needs it.")]
RedundantOption = Annotated[
    Redundant | None, typer.Option(help="What further marks on a hit lesion count as.", show_default="neither")
]
InterpolationOption = Annotated[
    Interpolation | None,
    typer.Option(help="How sensitivity is read between the points of the curve.", show_default="step"),
]
MinShortAxisOption = Annotated[
    float | None, typer.Option(min=0, help="Short axis, mm, under which a lesion is small.  [default: none is]")
]
SmallerOption = Annotated[SizeRole | None, typer.Option(help="What small lesions count as.", show_default="excluded")]
UnknownSizeOption = Annotated[
    SizeRole | None,
    typer.Option(help="What lesions of unknown size count as where there is a minimum.", show_default="lesion"),
]
Luna16Option = Annotated[bool, typer.Option("--luna16", help="The rules of the LUNA16 challenge.")]
SharedMarkOption = Annotated[
    SharedMark | None, typer.Option(help="What a mark on several lesions counts for.", show_default="nearest-lesion")
]
MaxMarksOption = Annotated[int | None, typer.Option(min=1, help="Assess only the best marks of an exam.")]
IntervalOption = Annotated[IntervalMethod, typer.Option(help="How intervals are taken from the draws.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the draws.")]


def criterion_of(text: str, *, luna16: bool, masks: Path | None = None) -> HitCriterion:
    """Criterion written as an option; LUNA16's rules bring their own.

    Parameters
    ----------
    masks
        Folder of label masks.

    Raises
    ------
    typer.BadParameter
        None is named, or none of that name is known.
    """
    from hilum.assess import parse_criterion
    from hilum.cli.masks import MaskFolder

    if not text and not luna16:
        raise typer.BadParameter(
            "name the hit criterion: within-lesion-radius, or within-distance:15", param_hint="--hit"
        )
    try:
        return parse_criterion(text or "within-lesion-radius", masks=MaskFolder(masks) if masks else None)
    except AssessmentError as error:
        raise typer.BadParameter(str(error), param_hint="--hit") from error


def policy_of(
    *,
    luna16: bool,
    shared_mark: SharedMark | None,
    max_marks: int | None,
    redundant: Redundant | None = None,
    interpolation: Interpolation | None = None,
    min_short_axis: float | None = None,
    smaller: SizeRole | None = None,
    unknown_size: SizeRole | None = None,
) -> Policy:
    """Policy of the options; those not given are LUNA16's or the usual ones.

    Raises
    ------
    typer.BadParameter
        It is said what small lesions count as, but not what is small.
    """
    from hilum.assess import LUNA16, Policy

    if (smaller or unknown_size) and not min_short_axis:
        raise typer.BadParameter("say what is small: --min-short-axis MM", param_hint="--smaller / --unknown-size")
    given: dict[str, Any] = {
        "shared_mark": shared_mark.value if shared_mark else None,
        "max_marks_per_exam": max_marks,
        "redundant": redundant.value if redundant else None,
        "interpolation": interpolation.value if interpolation else None,
        "min_short_axis_mm": min_short_axis or None,
        "smaller": smaller.value if smaller else None,
        "unknown_size": unknown_size.value if unknown_size else None,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(LUNA16 if luna16 else Policy(), **chosen)


def judged_inputs(inputs: Inputs, policy: Policy) -> Inputs:
    """Inputs whose lesions the policy's minimum size has judged, for stages that know no policy."""
    from hilum.assess import judged_lesions

    lesions = judged_lesions(inputs.lesions, policy)
    left = {(lesion.exam_id, lesion.lesion_id) for lesion in lesions}
    named = inputs.lesion_ids and [
        name if (mark.exam_id, name) in left else "" for mark, name in zip(inputs.marks, inputs.lesion_ids, strict=True)
    ]
    return replace(inputs, lesions=lesions, lesion_ids=named)


def assess_inputs(
    inputs: Inputs,
    criterion: HitCriterion,
    policy: Policy,
    *,
    bootstraps: int = 0,
    seed: int = 0,
    interval: IntervalMethod = IntervalMethod.PERCENTILE,
    rates: Sequence[float] = (),
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
        rates=rates,
        interval=interval.value,
    )
