"""Static files of the pages, found in the packages they come with, under addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urljoin

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.exceptions import SuspiciousFileOperation

DIGEST_LENGTH = 12
"""Hexadecimal digits in an address: 48 bits."""

KEPT_FILES = 1024
"""Files kept in memory; Django's admin, allauth and the portal have some 200 together."""

PACKED_TYPES = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent: as it is, and packed with gzip where that pays."""

    content: bytes
    packed: bytes | None
    media_type: str
    digest: str


class DigestStorage(StaticFilesStorage):
    """Gives each file the address ``/static/DIGEST/NAME``.

    The digest stands before the name, so that a style sheet's relative addresses lead to their files.
    """

    def url(self, name: str | None, force: bool = False) -> str:  # noqa: ARG002 (Django's signature)
        """Address of a file; one that is not there gets one that answers 404."""
        found = find(name or "")
        return urljoin(settings.STATIC_URL, f"{found.digest if found else '0' * DIGEST_LENGTH}/{quote(name or '')}")


@lru_cache(KEPT_FILES)
def find(name: str) -> StaticFile | None:
    """Find a file by its name; None where there is none."""
    try:
        path = finders.find(name)
    except SuspiciousFileOperation:
        return None
    if not path or not Path(path).is_file():
        return None
    content = Path(path).read_bytes()
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    pays = media_type.replace("text/javascript", "application/javascript").startswith(PACKED_TYPES)
    return StaticFile(
        content=content,
        packed=gzip.compress(content, mtime=0) if pays else None,
        media_type=f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
        digest=hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH],
    )
