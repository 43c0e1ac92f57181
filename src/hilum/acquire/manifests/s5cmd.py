"""s5cmd's run files: one ``cp s3://BUCKET/FOLDER/* TARGET`` a line, as IDC's portal and index write them."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from typing import TYPE_CHECKING

from hilum.acquire.columns import crdc_of
from hilum.acquire.manifests.manifest import Dialect, Lines, Manifest, lines_of
from hilum.acquire.wanted import WantedFile, WantedSeries
from hilum.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

AWS_ENDPOINT_URL = "https://s3.amazonaws.com"
"""What IDC's portal names in a manifest of its AWS buckets."""

SCHEME = "s3://"
_COPYING = ("cp", "sync")
_ENDPOINT = re.compile(r"--endpoint(?:-url)?[ =]+(\S+)")
_PATTERN = frozenset("*?")
_CHOOSING = ("--include", "--exclude", "--version-id")
"""Flags that make a command copy less or other than the folder it names."""


def read_s5cmd(path: Path, text: str) -> Manifest:
    """Read a run file. Targets are passed over: the layout decides where files go.

    Raises
    ------
    FormatError
        No line copies a series.
    """
    lines = Lines(path, Dialect.S5CMD)
    endpoint_url = next(iter(_ENDPOINT.findall(text)), "")
    for number, line in enumerate(lines_of(text), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            _take(lines, line, endpoint_url)
        except FormatError as error:
            lines.refuse(number, str(error))
    return lines.manifest(endpoint_url)


def write_s5cmd(locations: Iterable[tuple[str, str]], *, name: str, endpoint_url: str = AWS_ENDPOINT_URL) -> str:
    """Give the text of a run file.

    Parameters
    ----------
    locations
        S3 folder of each series, ``s3://BUCKET/FOLDER/``, and the folder to copy it into; ``.`` for where s5cmd runs.
    name
        File name of the manifest, for the comment that says how to run it.
    """
    head = (
        "# To download the files in this manifest, install s5cmd (https://github.com/peak/s5cmd), then run:\n"
        f"# s5cmd --no-sign-request --endpoint-url {endpoint_url} run {name}\n"
    )
    return head + "".join(f"cp {_quoted(f'{url}*')} {_target(folder)}\n" for url, folder in locations)


def _take(lines: Lines, line: str, endpoint_url: str) -> None:
    words = _words(line)
    command = next((word for word in words if not word.startswith("-") and "://" not in word), "")
    if command not in _COPYING:
        raise FormatError(f"command {command or words[0]!r}; expected {' or '.join(_COPYING)} of s3://BUCKET/FOLDER/*")
    if flag := next((word for word in words if word.startswith(_CHOOSING)), None):
        raise FormatError(f"flag {flag} chooses among the files; expected whole series")
    if (found := _ENDPOINT.search(line)) and found[1] != endpoint_url:
        raise FormatError(f"endpoint {found[1]}; expected {endpoint_url}, which the file names first: split it in two")
    url = next((word for word in words if word.startswith(SCHEME)), "")
    _take_url(lines, url)


def _take_url(lines: Lines, url: str) -> None:
    folder, _, last = url.removeprefix(SCHEME).rpartition("/")
    if not folder or "/" not in folder or _PATTERN & set(folder):
        raise FormatError(f"found {url or 'no s3:// URL'!r}, expected s3://BUCKET/FOLDER/* or one file of a folder")
    series = WantedSeries(location=f"{SCHEME}{folder}/", attributes=crdc_of(folder))
    if last in ("*", ""):
        lines.keep(series)
    elif _PATTERN & set(last):
        raise FormatError(f"pattern {last!r} chooses among the files of a folder; expected all of them, /*")
    else:
        lines.keep_file(series, WantedFile(last))


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""  # a # within a word is a letter of it
    try:
        words = list(takewhile(lambda word: not word.startswith("#"), lexer))
    except ValueError as error:
        raise FormatError(
            f"{line.strip()!r} is no command ({error}); expected cp s3://BUCKET/FOLDER/* TARGET"
        ) from error
    return [word for word in words if word != "s5cmd"] or [""]


def _quoted(text: str) -> str:
    """As s5cmd's parser of lines reads it; quotes only where blanks or quotes demand them."""
    return text if re.fullmatch(r"[A-Za-z0-9_./:*%+@=-]+", text) else shlex.quote(text)


def _target(folder: str) -> str:
    return folder if folder == "." else _quoted(f"{folder.rstrip('/')}/")
