"""The terms of a check: how thoroughly, with which lesions, what was accepted, and what does the work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hilum.check.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from hilum.check.accepted import Acceptance
    from hilum.check.names import FolderNames


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a check.

    Attributes
    ----------
    executor, workers
        What runs the work, a series at a time, and how many at once.
    options
        How thoroughly is looked.
    lesions
        File or folder of lesions, of any form that `hilum.findings.of_series.read_lesions_of` reads; NIH's annotations
        in a folder that is checked are found without.
    accepted
        Findings that somebody accepted.
    names
        What folders are called; their paths without.
    on_progress
        Told how many more series were looked at.
    """

    executor: Executor
    workers: int
    options: Options = field(default_factory=Options)
    lesions: Path | None = None
    accepted: Sequence[Acceptance] = ()
    names: FolderNames | None = None
    on_progress: Callable[[int], None] | None = None
