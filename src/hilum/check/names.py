"""What folders and files are called in findings: their paths, or names that mean the same elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hilum.check.finding import Finding
    from hilum.model.series import Series


@dataclass(slots=True)
class FolderNames:
    """Names for the folders of series, in place of paths of this machine.

    Attributes
    ----------
    folder_of
        Name of the folder of a series.
    roots
        Folders below which names are given to everything else; those that series were indexed below are added.
    """

    folder_of: Callable[[Series], str]
    roots: set[str] = field(default_factory=set)

    def add_roots(self, roots: Iterable[str]) -> None:
        """Add folders that files were indexed below."""
        self.roots.update(roots)

    def below_roots(self) -> Callable[[str], str]:
        """Give what turns the paths in a text into names below their roots."""
        return partial(_below, sorted(self.roots, key=len, reverse=True))


def moved(finding: Finding, here: str, there: str) -> Finding:
    """Give a finding of a series under another name of the folder that its files lie in."""
    place = there if finding.place == here else finding.place
    return replace(finding, place=place, detail=finding.detail.replace(here, there))


def _below(roots: Iterable[str], text: str) -> str:
    for root in roots:
        text = "." if text == root else text.replace(f"{root}/", "")
    return text
