"""Which packages of the npm registry are served, in which version, with which hash, and what of them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the npm registry, pinned.

    Attributes
    ----------
    name, version
        As the registry has them.
    integrity
        SHA-512 of its archive in the form of Subresource Integrity.
    folder
        Where its files go, below the folder of all assets.
    within
        Folder of the archive whose files are taken.
    keep, leave
        Patterns of the names, below `within`, of files taken and of files left out all the same.
    """

    name: str
    version: str
    integrity: str
    folder: str
    within: str
    keep: tuple[str, ...] = ("*",)
    leave: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        """What ``npm pack`` is asked for."""
        return f"{self.name}@{self.version}"

    def place(self, member: str) -> str | None:
        """Give the name below the folder of all assets for a member of the archive; None where it is left out."""
        name = member.removeprefix(f"{self.within}/")
        if name == member or not _fits(name, self.keep) or _fits(name, self.leave):
            return None
        return f"{self.folder}/{name}"


OHIF = Package(
    name="@ohif/app",
    version="3.13.2",
    integrity="sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==",
    folder="viewer",
    within="package/dist",
    # Maps are for debuggers; ort is the runtime of a segmentation model that is not part of the package; the last two
    # configure a hosting service, and app-config.js is written by `hilum.serve.viewer`.
    leave=("*.map", "ort/*", "_headers", "_redirects", "app-config.js"),
)
HTMX = Package(
    name="htmx.org",
    version="2.0.11",
    integrity="sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
    folder="portal",
    within="package/dist",
    keep=("htmx.min.js",),
)
PACKAGES = (OHIF, HTMX)


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
