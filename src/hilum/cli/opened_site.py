"""An archive with its site, as the verbs of ``hilum site`` need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hilum.catalog import Archive


def open_with_site(archive: Path) -> Archive:
    """Open an archive, and let Django work on its site, whose tables are brought up to date.

    Modules of the site can be imported only after that.

    Raises
    ------
    ArchiveError
        There is no archive.
    ConfigError
        The site's options are wrong.
    """
    from hilum.catalog import Archive
    from hilum.serve import site

    opened = Archive.open(archive)
    site.open_site(opened.path)
    site.prepare_tables()
    return opened
