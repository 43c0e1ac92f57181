"""The installed files: what there is, of what type, and their bytes."""

from __future__ import annotations

import json
import mimetypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INDEX = "assets.json"
_TYPES = {
    ".js": "application/javascript",
    ".mjs": "application/javascript",
    ".wasm": "application/wasm",
    ".jsonc": "application/json",
    ".woff2": "font/woff2",
}
"""Types that Python's table lacks on some systems; a wrong one for .wasm keeps the viewer from starting."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is sent.

    Attributes
    ----------
    body
        Its bytes, compressed with gzip if `is_compressed`.
    media_type
        What it is.
    etag
        Changes with its content, in quotes.
    """

    body: bytes
    media_type: str
    etag: str
    is_compressed: bool


@dataclass(frozen=True, slots=True)
class Store:
    """The assets in a folder.

    Attributes
    ----------
    versions
        Version of each installed package by its name.
    files
        What is known of each file by its name below the folder.
    """

    folder: Path
    versions: dict[str, str]
    files: dict[str, dict[str, Any]]

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Read what is installed in a folder; an empty store where nothing is."""
        try:
            index = json.loads((folder / INDEX).read_bytes())
        except FileNotFoundError:
            return cls(folder, {}, {})
        return cls(folder, index["versions"], index["files"])

    def asset(self, name: str, *, accepts_gzip: bool) -> Asset | None:
        """Give a file; None where no installed file has that name."""
        facts = self.files.get(name)
        if facts is None:
            return None
        is_compressed = accepts_gzip and facts["is_compressed"]
        path = self.folder / (f"{name}.gz" if is_compressed else name)
        return Asset(path.read_bytes(), media_type(name), f'"{facts["sha256"][:32]}"', is_compressed)


def default_folder() -> Path:
    """Folder of the assets of this Python environment."""
    return Path(sys.prefix, "share", "hilum", "assets")


def media_type(name: str) -> str:
    """Media type of a file by the end of its name."""
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
