"""The rules of an assessment as options of the command line: hit criterion, policy, draws."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cached_property, wraps
from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from hilum.errors import AssessmentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hilum.assess import Assessment, HitCriterion, Policy
    from hilum.cli.inputs import Inputs

LUNA16_HIT = "within-lesion-radius"


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


@dataclass(frozen=True)
class Rules:
    """What a command assesses by; `with_rules` gives a command these fields as its options."""

    hit: Annotated[
        str,
        typer.Option(
            help="within-lesion-radius, within-distance:MM, box-overlap:IOU, sphere-overlap:IOU, or inside-mask; with "
            ":open or :closed the border is out or in."
        ),
    ] = ""
    luna16: Annotated[bool, typer.Option("--luna16", help="The rules of the LUNA16 challenge.")] = False
    shared_mark: Annotated[
        SharedMark | None,
        typer.Option(help="What a mark on several lesions counts for.", show_default="nearest-lesion"),
    ] = None
    max_marks: Annotated[int | None, typer.Option(min=1, help="Assess only the best marks of an exam.")] = None
    masks: Annotated[Path | None, typer.Option(help="Folder of label masks EXAM_ID.nii.gz; inside-mask needs it.")] = (
        None
    )
    redundant: Annotated[
        Redundant | None, typer.Option(help="What further marks on a hit lesion count as.", show_default="neither")
    ] = None
    interpolation: Annotated[
        Interpolation | None,
        typer.Option(help="How sensitivity is read between the points of the curve.", show_default="step"),
    ] = None
    min_short_axis: Annotated[
        float | None, typer.Option(min=0, help="Short axis, mm, under which a lesion is small.  [default: none is]")
    ] = None
    smaller: Annotated[SizeRole | None, typer.Option(help="What small lesions count as.", show_default="excluded")] = (
        None
    )
    unknown_size: Annotated[
        SizeRole | None,
        typer.Option(help="What lesions of unknown size count as where there is a minimum.", show_default="lesion"),
    ] = None
    interval: Annotated[IntervalMethod, typer.Option(help="How intervals are taken from the draws.")] = (
        IntervalMethod.PERCENTILE
    )
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0

    @property
    def hit_words(self) -> str:
        """The hit criterion as it was written, or LUNA16's own."""
        return self.hit or (LUNA16_HIT if self.luna16 else "")

    @cached_property
    def criterion(self) -> HitCriterion:
        """The hit criterion.

        Raises
        ------
        typer.BadParameter
            None is named, or none of that name is known.
        """
        from hilum.assess import parse_criterion
        from hilum.cli.masks import MaskFolder

        if not self.hit_words:
            raise typer.BadParameter(
                "name the hit criterion: within-lesion-radius, or within-distance:15", param_hint="--hit"
            )
        try:
            return parse_criterion(self.hit_words, masks=MaskFolder(self.masks) if self.masks else None)
        except AssessmentError as error:
            raise typer.BadParameter(str(error), param_hint="--hit") from error

    @cached_property
    def policy(self) -> Policy:
        """The policy; what is not given is LUNA16's or the usual.

        Raises
        ------
        typer.BadParameter
            It is said what small lesions count as, but not what is small.
        """
        from hilum.assess import LUNA16, Policy

        if (self.smaller or self.unknown_size) and not self.min_short_axis:
            raise typer.BadParameter("say what is small: --min-short-axis MM", param_hint="--smaller / --unknown-size")
        given: dict[str, Any] = {
            "shared_mark": self.shared_mark,
            "max_marks_per_exam": self.max_marks,
            "redundant": self.redundant,
            "interpolation": self.interpolation,
            "min_short_axis_mm": self.min_short_axis or None,
            "smaller": self.smaller,
            "unknown_size": self.unknown_size,
        }
        chosen: dict[str, Any] = {
            name: value.value if isinstance(value, StrEnum) else value
            for name, value in given.items()
            if value is not None
        }
        return replace(LUNA16 if self.luna16 else Policy(), **chosen)

    def require_valid(self) -> None:
        """Refuse options that make no criterion or policy, before anything is read.

        Raises
        ------
        typer.BadParameter
            As `criterion` and `policy`.
        """
        _ = self.criterion, self.policy

    def assess(self, inputs: Inputs, *, bootstraps: int = 0, rates: Sequence[float] = ()) -> Assessment:
        """Assess what a command names."""
        return assess_inputs(
            inputs,
            self.criterion,
            self.policy,
            bootstraps=bootstraps,
            seed=self.seed,
            interval=self.interval,
            rates=rates,
        )


def with_rules(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the fields of `Rules` as options in place of its parameter ``rules``, which it gets filled.

    Typer reads options from a signature, so the signature is what is made here.
    """
    own = inspect.signature(command, eval_str=True)
    kinds = get_type_hints(Rules, include_extras=True)
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=kinds[field.name]
        )
        for field in fields(Rules)
    ]
    parameters = [
        made
        for parameter in own.parameters.values()
        for made in (options if parameter.name == "rules" else [parameter])
    ]

    @wraps(command)
    def filled(**values: Any) -> None:
        rules = Rules(**{field.name: values.pop(field.name) for field in fields(Rules)})
        command(**values, rules=rules)

    filled.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    filled.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return filled


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
