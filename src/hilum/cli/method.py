"""A method that a command assessed: what was read of it, the result, and both in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.cli.inputs import FOLD, exam_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hilum.assess import Assessment
    from hilum.assess.strata_columns import ExamValues
    from hilum.catalog import Archive
    from hilum.cli.inputs import Inputs
    from hilum.detect.runs import Run
    from hilum.model.series import Series

REGION = "region"

PHANTOM_NOTICE = "These images are computed phantoms. No figure here is a result on patients."
PHANTOM = "PHANTOM"


@dataclass(frozen=True)
class Method:
    """A method, what was assessed of it, and the result; `files` are those that the command names."""

    name: str
    inputs: Inputs
    result: Assessment
    files: Mapping[str, Path]

    @classmethod
    def of(
        cls,
        name: str,
        method: str,
        inputs: Inputs,
        result: Assessment,
        *,
        lesions: Path | None,
        excluded: Path | None,
        exams: Path | None,
    ) -> Method:
        """A method as a command names it: the run, or the file of marks, and the files beside it."""
        files = {"marks": None if inputs.source else Path(method), "lesions": lesions}
        files |= {"excluded findings": excluded, "exams": exams}
        return cls(name, inputs, result, {what: path for what, path in files.items() if path})

    def series(self) -> dict[str, Series]:
        """The series of a run by their UID; none of files."""
        if self.inputs.source is None:
            return {}
        run, archive = self.inputs.source
        return {one.series_uid: archive.series(one.series_uid) for one in run.series}

    def remarks(self) -> tuple[str, ...]:
        """What must be said about its inputs."""
        refused = len(self.inputs.refusals)
        lines = (f"lines of the files that were refused and are not counted: {refused}",)
        return (*self.inputs.warnings, *(lines if refused else ()))

    def provenance(self) -> dict[str, str]:
        """Where it comes from; a file named by the command stands in for what the run has of that kind."""
        from hilum import __version__

        source = self.inputs.source
        own = _provenance(*source) if source else {"software": f"hilum {__version__}"}
        return own | {what: _file_words(path) for what, path in self.files.items()}

    def title(self, series: Mapping[str, Series]) -> str:
        """What a page about it is called where the user names no title."""
        if self.inputs.source is None:
            return f"Assessment of {self.name}"
        return f"{self.inputs.source[0].plan.method.capitalize()} detector on {collections(series)}"

    def subtitle(self) -> str:
        """On how much it was assessed, and how its marks came about."""
        counts = self.result.counts
        what = f"{counts.exams:,} exams of {counts.participants:,} persons, {counts.lesions:,} lesions"
        if self.inputs.source is None:
            return what
        plan = self.inputs.source[0].plan
        how = f"Cross-validated in {plan.folds} folds by person" if plan.folds else f"Model of run {plan.model}"
        return f"{how}: {what}"

    def exam_values(self, by: Sequence[str]) -> tuple[tuple[str, ...], dict[str, ExamValues]]:
        """Columns to split it by, the usual ones first, and the values of those that exams have."""
        columns = {
            column: values for column in (REGION, FOLD, *by) for values in exam_columns(self.inputs, column).values()
        }
        return tuple(dict.fromkeys((*(name for name in (REGION, FOLD) if name in columns), *by))), columns


def collections(series: Mapping[str, Series]) -> str:
    """The collections of series, in words."""
    return ", ".join(sorted({str(one["collection_id"]) for one in series.values()}))


def notice(series: Mapping[str, Series]) -> str:
    """What every reader must see first: that the images are phantoms."""
    return PHANTOM_NOTICE if any(one["StudyDescription"] == PHANTOM for one in series.values()) else ""


def _file_words(path: Path) -> str:
    from hashlib import sha256

    return f"{path.name} (SHA-256 {sha256(path.read_bytes()).hexdigest()[:16]})" if path.is_file() else path.name


def _provenance(run: Run, archive: Archive) -> dict[str, str]:
    from hilum.publish.results import SEEN_IN_TRAINING

    plan = run.plan
    said = {
        "run": f"{run.name}, finished {run.created_at.isoformat(timespec='seconds')}",
        "detector": f"{plan.method} {plan.version}",
        "folds and seed": f"{plan.folds} folds by person, seed {plan.seed}" if plan.folds else "",
        "model": plan.model,
        SEEN_IN_TRAINING: f"{len(run.seen_in_training)} series" if run.seen_in_training else "",
        "series refused": str(len(run.refusals())),
        "cohort": f"{plan.cohort} (series list SHA-256 {plan.cohort_id[:16]})" if plan.cohort else "named series",
        "catalog snapshot": plan.snapshot_id,
        "lesions": f"SHA-256 {plan.lesions_sha256[:16]}" if plan.lesions_sha256 else "",
        "archive": archive.path.name,
        "software": f"hilum {run.hilum_version}",
    }
    return {name: words for name, words in said.items() if words}
