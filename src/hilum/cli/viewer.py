"""``hilum viewer``: the programs that run in the reader's browser."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import Annotated

import typer

from hilum.cli.output import tell

viewer_app = typer.Typer(name="viewer", no_args_is_help=True, help="The viewer that `hilum serve` shows images with.")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(viewer_app)


@viewer_app.callback()
def viewer() -> None:
    """The viewer that `hilum serve` shows images with."""


@viewer_app.command("install")
def install(
    tarballs: Annotated[
        Path | None,
        typer.Option(help="Folder with the archives that `npm pack` makes, for a machine without network."),
    ] = None,
) -> None:
    """Fetch OHIF and htmx from the npm registry in pinned versions, check their hashes, and compress them.

    What is installed already is left as it is.
    """
    from hilum.serve.assets.install import install as install_packages
    from hilum.serve.assets.packages import PACKAGES

    installed = install_packages(PACKAGES, tarballs=tarballs)
    for requirement in installed:
        tell(f"installed {requirement}")
    if not installed:
        tell("everything is installed: " + ", ".join(package.requirement for package in PACKAGES))
