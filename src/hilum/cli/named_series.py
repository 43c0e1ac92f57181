"""The one series that a command names: by the folder with its files, or by its UID in an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hilum.model.series import Series

SeriesArchiveOption = Annotated[
    Path | None,
    typer.Option(
        "--archive",
        envvar="HILUM_ARCHIVE",
        help="Folder of the archive; not needed for a folder.",
        show_default=False,
    ),
]


def named_series(name: str, archive: Path | None, param_hint: str) -> Path | Series:
    """Give the folder (or file) of that name, else the series of that UID.

    Parameters
    ----------
    param_hint
        The argument or option that names it.

    Raises
    ------
    typer.BadParameter
        There is no such folder, and no archive is named.
    NotFoundError
        The archive has no such series.
    """
    if Path(name).exists():
        return Path(name)
    if archive is None:
        raise typer.BadParameter(
            f"{name}: no such folder; for a series by its UID, name its --archive", param_hint=param_hint
        )
    from hilum.catalog import Archive

    return Archive.open(archive).series(name)
