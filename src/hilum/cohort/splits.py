"""Splits of a cohort by person: k folds, or parts such as train, validation and test; frozen beside the cohort."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from hilum.cohort.cohort import require_name, splits_folder, write_once
from hilum.cohort.dealing import Person, deal
from hilum.cohort.rows import column_values
from hilum.errors import ArchiveError, ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hilum.catalog import Archive
    from hilum.cohort.cohort import Cohort

FORMAT_VERSION = 1
PART_NAMES = {2: ("train", "test"), 3: ("train", "validation", "test")}
"""Names of the parts of a split by fractions, by their number."""


@dataclass(frozen=True, slots=True)
class Fold:
    """SeriesInstanceUIDs to train on and to test on, in the order of the cohort."""

    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a split: its name, and the SeriesInstanceUIDs in the order of the cohort."""

    name: str
    series_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A split that is kept with its cohort.

    Attributes
    ----------
    name
        Name of the split among those of its cohort.
    cohort_id
        The cohort it splits.
    method
        ``folds 5``, or ``fractions 0.7 0.15 0.15``.
    seed
        Seed of the dealing.
    stratify
        Column of the series table that was stratified by; empty: none.
    linked
        Each PatientID that belongs to a person of another name, with that name.
    parts
        The parts; those of folds are what each fold tests.
    """

    name: str
    cohort_id: str
    method: str
    seed: int
    stratify: str
    linked: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]

    def save(self, archive: Archive, cohort_name: str) -> Path:
        """Write the split beside its cohort, where it never changes; the same split again changes nothing.

        Raises
        ------
        ArchiveError
            The cohort has another split of that name.
        """
        require_name(self.name)
        content = {"format": "hilum-split", "version": FORMAT_VERSION, **asdict(self)}
        path = splits_folder(archive, cohort_name) / f"{self.name}.json"
        return write_once(path, json.dumps(content, indent=1).encode() + b"\n", f"a split {self.name!r}")

    @classmethod
    def load(cls, archive: Archive, cohort: Cohort, name: str) -> Split:
        """Read a split of `cohort`.

        Raises
        ------
        NotFoundError
            The cohort has no split of that name.
        ArchiveError
            The file is damaged, of another cohort, or a newer hilum wrote it.
        """
        require_name(name)
        path = splits_folder(archive, cohort.name) / f"{name}.json"
        try:
            split = _from_json(path.read_bytes())
        except FileNotFoundError as error:
            known = ", ".join(list_splits(archive, cohort.name)) or "none yet; make one with: hilum cohort split"
            raise NotFoundError(f"cohort {cohort.name!r} has no split {name!r}; it has {known}") from error
        except (ValueError, KeyError, TypeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ArchiveError(f"{path} is damaged ({what}); delete it and split again") from error
        if split.cohort_id != cohort.cohort_id:
            raise ArchiveError(f"{path} splits cohort {split.cohort_id}, but {cohort.name!r} is {cohort.cohort_id}")
        return split


def make_split(
    archive: Archive,
    cohort: Cohort,
    *,
    folds: int | None = None,
    fractions: Sequence[float] | None = None,
    seed: int = 0,
    stratify: str = "",
    name: str = "",
) -> Split:
    """Split a cohort of the archive into folds or by fractions; nothing is written.

    Parameters
    ----------
    cohort
        The cohort, with its links: `hilum.cohort.link_persons`.
    folds, fractions, seed
        One of the first two: as in `k_fold` and `by_fractions`.
    stratify
        Column of the series table whose values are spread evenly; empty: none.
    name
        Name of the split; empty: made from the options, such as ``folds-5-seed-0-by-collection_id-linked``.

    Raises
    ------
    ConfigError
        There is no such column, or the persons cannot be split so.
    ValueError
        Both or neither of `folds` and `fractions` are given.
    """
    strata = column_values(archive, cohort, stratify) if stratify else None
    if folds is not None and fractions is None:
        method, parts = f"folds {folds}", fold_parts(cohort, folds, seed, strata)
    elif fractions is not None and folds is None:
        text = " ".join(f"{fraction:g}" for fraction in fractions)
        method, parts = f"fractions {text}", by_fractions(cohort, fractions, seed, strata)
    else:
        raise ValueError("expected either folds or fractions")
    linked = {entry.PatientID: entry.person_id for entry in cohort.entries if entry.PatientID != entry.person_id}
    options = [method.replace(" ", "-"), f"seed-{seed}", f"by-{stratify}" * bool(stratify), "linked" * bool(linked)]
    return Split(
        name or "-".join(filter(None, options)),
        cohort.cohort_id,
        method,
        seed,
        stratify,
        tuple(sorted(linked.items())),
        parts,
    )


def k_fold(cohort: Cohort, k: int, seed: int, stratify: Mapping[str, str] | None = None) -> tuple[Fold, ...]:
    """Split a cohort into `k` folds by person: every series is tested in exactly one.

    Parameters
    ----------
    stratify
        SeriesInstanceUID to the stratum of the series; each stratum is spread evenly. A person with series of several
        strata is in a stratum of that combination.

    Raises
    ------
    ConfigError
        `k` is below 2 or above the number of persons.
    """
    return folds_of(cohort, fold_parts(cohort, k, seed, stratify))


def fold_parts(cohort: Cohort, k: int, seed: int, stratify: Mapping[str, str] | None = None) -> tuple[Part, ...]:
    """Give what each of `k` folds tests; parameters and errors as `k_fold`."""
    if k < 2:
        raise ConfigError(f"{k} folds: expected at least 2")
    return _parts(cohort, [f"fold-{number}" for number in range(k)], [1] * k, seed, stratify)


def by_fractions(
    cohort: Cohort, fractions: Sequence[float], seed: int, stratify: Mapping[str, str] | None = None
) -> tuple[Part, ...]:
    """Split a cohort into train and test, or train, validation and test, by person.

    Parameters
    ----------
    fractions
        Share of each part among the persons: two or three decimal numbers that sum to 1.
    stratify
        As in `k_fold`.

    Raises
    ------
    ConfigError
        The fractions are not as said, or there are too few persons to give each part one.
    """
    shares = [Fraction(str(fraction)) for fraction in fractions]
    if len(shares) not in PART_NAMES or min(shares) <= 0 or sum(shares) != 1:
        text = ", ".join(f"{fraction:g}" for fraction in fractions) or "none"
        raise ConfigError(f"fractions {text}: expected two or three above 0 whose sum is 1, such as 0.7,0.15,0.15")
    scale = lcm(*(share.denominator for share in shares))
    return _parts(cohort, PART_NAMES[len(shares)], [int(share * scale) for share in shares], seed, stratify)


def folds_of(cohort: Cohort, parts: Sequence[Part]) -> tuple[Fold, ...]:
    """Give one fold a part: it tests the part and trains on all others."""
    folds = []
    for part in parts:
        tested = set(part.series_uids)
        folds.append(Fold(tuple(uid for uid in cohort.series_uids if uid not in tested), part.series_uids))
    return tuple(folds)


def list_splits(archive: Archive, cohort_name: str) -> list[str]:
    """Names of the splits of a cohort, sorted."""
    return sorted(path.stem for path in splits_folder(archive, cohort_name).glob("*.json"))


def _parts(
    cohort: Cohort, names: Sequence[str], shares: Sequence[int], seed: int, stratify: Mapping[str, str] | None
) -> tuple[Part, ...]:
    part_of = deal(_persons(cohort, stratify), shares, seed)
    if len(set(part_of.values())) < len(names):
        raise ConfigError(f"{len(names)} parts need as many persons, found {len(part_of)}; ask for fewer parts")
    uids: list[list[str]] = [[] for _ in names]
    for entry in cohort.entries:
        uids[part_of[entry.person_id]].append(entry.SeriesInstanceUID)
    return tuple(Part(name, tuple(found)) for name, found in zip(names, uids, strict=True))


def _persons(cohort: Cohort, stratify: Mapping[str, str] | None) -> list[Person]:
    strata: dict[str, set[str]] = defaultdict(set)
    counts: dict[str, int] = defaultdict(int)
    for entry in cohort.entries:
        strata[entry.person_id].add(stratify[entry.SeriesInstanceUID] if stratify else "")
        counts[entry.person_id] += 1
    return [Person(person_id, " + ".join(sorted(strata[person_id])), counts[person_id]) for person_id in strata]


def _from_json(content: bytes) -> Split:
    values = json.loads(content)
    if values.pop("version") > FORMAT_VERSION:
        raise ArchiveError(f"split of a newer version than {FORMAT_VERSION}, which this hilum reads: update it")
    values.pop("format")
    values["linked"] = tuple((one, person) for one, person in values["linked"])
    values["parts"] = tuple(Part(part["name"], tuple(part["series_uids"])) for part in values["parts"])
    return Split(**values)
