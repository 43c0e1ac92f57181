"""The ``hilum`` command: its verbs, how errors are told, and the exit status.

Exit status: 0 all is well, 1 something was refused, 2 wrong usage, 3 failure.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

import typer

from hilum import __version__, cli
from hilum.cli.output import FAILURE, USAGE, tell
from hilum.cli.places import said_of
from hilum.errors import ConfigError, HilumError, QueryError

app = typer.Typer(
    name="hilum",
    help="A research CT archive of your own, from the download to the FROC curve.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hilum {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version, and end.")
    ] = False,
) -> None:
    """Take what stands before a verb."""


def register_verbs() -> None:
    """Add every module of ``hilum.cli`` that offers a ``register`` function."""
    for module in sorted(iter_modules(cli.__path__), key=lambda found: found.name):
        verb = import_module(f"hilum.cli.{module.name}")
        if hasattr(verb, "register"):
            verb.register(app)


def main() -> None:
    """Run the command line."""
    register_verbs()
    try:
        app()
    except (ConfigError, QueryError) as error:
        tell(f"error: {error}")
        sys.exit(USAGE)
    except HilumError as error:
        tell(f"error: {error}")
        sys.exit(FAILURE)
    except OSError as error:
        tell(f"error: {said_of(error)}")
        sys.exit(FAILURE)
