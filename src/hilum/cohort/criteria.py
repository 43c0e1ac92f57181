"""What a series must be to enter a cohort, and what gets one series."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hilum.errors import ConfigError
from hilum.model.kinds import ImageKind, KernelClass
from hilum.model.nlst import ROUND_BY_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OnePer = Literal["exam", "participant", "none"]
ONE_PER: tuple[OnePer, ...] = ("exam", "participant", "none")

THICKNESS_SQL = 'coalesce("SliceThickness", slice_spacing_mm)'
"""Slice thickness in mm; a collection whose files do not state it has the measured spacing instead."""

SLICES_SQL = "coalesce(slice_count, instance_count)"
"""Slices of a series; where positions are not known, its instances."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One step of a flow: what is kept, in words and in SQL over the series table, with its bound values."""

    label: str
    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a series must fulfil; a field left empty asks nothing.

    Attributes
    ----------
    collections
        Collections to choose from; empty: all.
    modalities
        DICOM Modality, any of these.
    original_only
        No series that an analysis derived from others (segmentations, reports).
    kinds
        Image kind, any of these.
    rounds
        Screening round, any of 0, 1, 2.
    kernel_classes
        Class of the reconstruction kernel, any of these; a series of unknown kernel is left out.
    manufacturers
        Maker of the scanner as the files state it, any of these.
    min_thickness_mm, max_thickness_mm
        Limits of the slice thickness, included; of the slice spacing where the files state no thickness. A series with
        neither is left out.
    min_slices
        Least number of slices.
    volume_only
        Only series that are known to form one regular stack.
    where
        A further SQL condition over the columns of the series table.
    one_per
        What gets one series: an exam (the visit of a participant in a screening round; a study where there is no
        round), a participant, or nothing.
    prefer_kernel
        Class of kernel that is chosen first among equally thin series.

    Raises
    ------
    ConfigError
        A value is none of those that are known, or not a positive number.
    """

    collections: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ("CT",)
    original_only: bool = True
    kinds: tuple[ImageKind, ...] = ()
    rounds: tuple[int, ...] = ()
    kernel_classes: tuple[KernelClass, ...] = ()
    manufacturers: tuple[str, ...] = ()
    min_thickness_mm: float | None = None
    max_thickness_mm: float | None = None
    min_slices: int | None = None
    volume_only: bool = False
    where: str = ""
    one_per: OnePer = "none"
    prefer_kernel: KernelClass = KernelClass.SOFT

    def __post_init__(self) -> None:
        _require_known("kind", self.kinds, tuple(ImageKind))
        _require_known("round", self.rounds, tuple(ROUND_BY_YEAR.values()))
        _require_known("kernel class", (*self.kernel_classes, self.prefer_kernel), tuple(KernelClass))
        _require_known("one per", [self.one_per], ONE_PER)
        for name in ("min_thickness_mm", "max_thickness_mm", "min_slices"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{name} {value}: expected a positive number")

    def to_dict(self) -> dict[str, Any]:
        """Give the criteria as JSON holds them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Criteria:
        """Read what `to_dict` gave.

        Raises
        ------
        ConfigError
            A value is none of those that are known.
        TypeError
            A name is no criterion.
        """
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**fields)

    def conditions(self) -> list[Condition]:
        """Give the steps in the order in which series are left out; the first is the choice of collections."""
        return list(self._conditions())

    def _conditions(self) -> Iterator[Condition]:
        if self.collections:
            yield _one_of(f"in {' and '.join(self.collections)}", "collection_id", self.collections)
        else:
            yield Condition("in all collections", "true")
        if self.modalities:
            yield _one_of(" or ".join(self.modalities), "Modality", self.modalities)
        if self.original_only:
            yield Condition("original, not derived by an analysis", "analysis_result_id IS NULL")
        if self.kinds and ImageKind.LOCALIZER not in self.kinds:
            yield Condition("without localizers", f"image_kind <> '{ImageKind.LOCALIZER}'")
        if self.kinds:
            yield _one_of(" or ".join(self.kinds), "image_kind", self.kinds)
        if self.rounds:
            yield _one_of(f"of round {' or '.join(f'T{r}' for r in self.rounds)}", "screening_round", self.rounds)
        if self.kernel_classes:
            yield _one_of(f"of {' or '.join(self.kernel_classes)} kernel", "kernel_class", self.kernel_classes)
        if self.manufacturers:
            yield _one_of(f"from {' or '.join(self.manufacturers)}", "Manufacturer", self.manufacturers)
        yield from self._measured_conditions()
        if self.where:
            # The line break ends a comment that the condition may close with.
            yield Condition(f"where {self.where}", f"({self.where}\n)")

    def _measured_conditions(self) -> Iterator[Condition]:
        limits = (
            ("min_thickness_mm", f"{THICKNESS_SQL} >= $min_thickness_mm", "of at least {:g} mm"),
            ("max_thickness_mm", f"{THICKNESS_SQL} <= $max_thickness_mm", "of at most {:g} mm"),
            ("min_slices", f"{SLICES_SQL} >= $min_slices", "of at least {:d} slices"),
        )
        for name, sql, label in limits:
            if (value := getattr(self, name)) is not None:
                yield Condition(label.format(value), sql, {name: value})
        if self.volume_only:
            yield Condition("that form a regular stack", "is_volume")


def _require_known(name: str, values: Sequence[object], known: Sequence[object]) -> None:
    if unknown := [value for value in values if value not in known]:
        raise ConfigError(f"{name} {unknown[0]!r}: expected one of {', '.join(str(value) for value in known)}")


def _one_of(label: str, column: str, values: Sequence[Any]) -> Condition:
    return Condition(label, f'list_contains(${column}_values, "{column}")', {f"{column}_values": list(values)})
