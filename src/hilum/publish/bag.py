"""The texts of a BagIt bag: declaration, information, manifests.

References
----------
RFC 8493, "The BagIt File Packaging Format (V1.0)".
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hilum.acquire.manifests.bagit import decode_path, encode_path
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DECLARATION = "bagit.txt"
INFORMATION = "bag-info.txt"
PAYLOAD = "data"
ALGORITHMS = ("sha256", "sha512")
DECLARATION_TEXT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

_LINE = re.compile(r"([0-9a-fA-F]+)[ \t]+\*?(.+)")


def manifest_name(algorithm: str) -> str:
    """Name of the manifest of the payload."""
    return f"manifest-{algorithm}.txt"


def tag_manifest_name(algorithm: str) -> str:
    """Name of the manifest of the files beside the payload."""
    return f"tagmanifest-{algorithm}.txt"


def manifest_line(digest: str, path: str) -> str:
    """Give a line of a manifest, for a path below the bag with ``/``."""
    return f"{digest}  {encode_path(path)}\n"


def read_manifest(bag: Path, name: str) -> Iterator[tuple[str, str]]:
    """Give path below the bag and digest of each line of a manifest.

    Raises
    ------
    FormatError
        A line is none of a manifest, or its path leaves the bag.
    """
    digits = hashlib.new(name.removesuffix(".txt").rpartition("-")[2]).digest_size * 2
    with (bag / name).open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            found = _LINE.fullmatch(line.rstrip("\r\n"))
            if found is None or len(found[1]) != digits:
                raise FormatError(f"{bag / name}:{number}: found {line[:60]!r}, expected {digits} digits and a path")
            path = PurePosixPath(decode_path(found[2]))
            if path.is_absolute() or ".." in path.parts:
                raise FormatError(f"{bag / name}:{number}: path {str(path)!r} leaves the bag; do not use this drive")
            yield str(path), found[1].lower()


def information_text(values: Iterable[tuple[str, str]]) -> str:
    """Give the content of ``bag-info.txt``; empty values are left out, line breaks become blanks."""
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in values if value.strip())


def read_information(bag: Path) -> dict[str, str]:
    """Give names and values of ``bag-info.txt``; a line that begins with a blank goes on from the one before.

    Raises
    ------
    FormatError
        It is not there, or a line has no name.
    """
    path = bag / INFORMATION
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} cannot be read ({error}); expected a bag that hilum packed") from error
    values: dict[str, str] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line[:1] in {" ", "\t"} and name:
            values[name] += f" {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise FormatError(f"{path}:{number}: found {line[:60]!r}, expected NAME: VALUE")
        values[name] = value.strip()
    return values
