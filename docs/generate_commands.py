"""Write ``docs/commands.md`` from the command line itself: ``python docs/generate_commands.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from hilum.cli.app import app, register_verbs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.core import TyperCommand, TyperGroup

PAGE = Path(__file__).with_name("commands.md")

INTRODUCTION = """\
# Command line

<!-- Written by docs/generate_commands.py from src/hilum/cli: change it there. -->

Every verb tells its options with `--help`. Those that print a table print it as JSON with `--json`. Tables and JSON go
to stdout, messages and progress to stderr. In a terminal that is too narrow for a table, its columns stand one below
the other; a file or pipe gets every table whole. `--archive` can be left out where `HILUM_ARCHIVE` is set
([settings](settings.md), which also say what the exit status means). `hilum --install-completion` teaches your shell
the verbs and options; `hilum --version` tells the version.
"""


def commands(
    command: TyperCommand | TyperGroup, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], TyperCommand | TyperGroup]]:
    """Every verb below a command, with the words that call it."""
    children = getattr(command, "commands", {})
    if not children:
        yield path, command
    for name, child in sorted(children.items()):
        yield from commands(child, (*path, name))


def all_commands() -> dict[tuple[str, ...], TyperCommand | TyperGroup]:
    """Every verb of hilum, with the words that call it."""
    if not app.registered_commands:
        register_verbs()
    return dict(commands(cast("TyperGroup", typer.main.get_command(app))))


def page() -> str:
    """Give the whole page."""
    return "\n".join([INTRODUCTION, *(_section(path, command) for path, command in all_commands().items())])


def _section(path: tuple[str, ...], command: TyperCommand | TyperGroup) -> str:
    context = typer.Context(command)
    usage = " ".join(("hilum", *path, *command.collect_usage_pieces(context)))
    lines = [
        f"## `hilum {' '.join(path)}`\n",
        f"{command.help}\n",
        f"    {usage}\n",
        "| option | meaning |",
        "|---|---|",
    ]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and parameter.name != "help":
            name, meaning = (" ".join(part.split()).replace("|", "\\|") for part in record)
            lines.append(f"| `{name}` | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
