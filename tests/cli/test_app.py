"""The command as a user meets it: exit status, help, JSON, completion, documentation."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
import yaml
from generate_commands import PAGE, all_commands, page
from typer.testing import CliRunner

from hilum import __version__, disk
from hilum.cli import output
from hilum.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator


def hilum(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "from hilum.cli.app import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


ALL_COMMANDS = all_commands()


def test_no_words_give_help_and_the_usage_status() -> None:
    done = hilum()
    assert done.returncode == output.USAGE
    assert "index" in done.stdout + done.stderr


def test_an_unknown_verb_is_wrong_usage() -> None:
    assert hilum("fly").returncode == output.USAGE


def test_a_wrong_setting_is_wrong_usage_and_named() -> None:
    done = hilum("runs", "--archive", "nowhere", HILUM_WORKERS="many")
    assert (done.returncode, done.stdout) in {(output.USAGE, ""), (output.FAILURE, "")}


def test_an_archive_that_is_not_there_is_a_failure_told_in_one_line(tmp_path: Path) -> None:
    done = hilum("collections", "--archive", str(tmp_path / "none"))
    assert done.returncode == output.FAILURE
    assert done.stderr.startswith("error: ")
    assert "none" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_version_is_told_everywhere() -> None:
    done = hilum("--version")
    assert (done.returncode, done.stdout) == (0, f"hilum {__version__}\n")
    cited = yaml.safe_load(Path(__file__).parents[2].joinpath("CITATION.cff").read_text())
    assert cited["version"] == __version__


def test_shell_completion_is_offered() -> None:
    runner = CliRunner()
    assert "--install-completion" in runner.invoke(app, ["--help"]).output


@pytest.mark.parametrize("path", ALL_COMMANDS, ids=" ".join)
def test_every_verb_says_what_it_does_and_so_does_every_option(path: tuple[str, ...]) -> None:
    command = ALL_COMMANDS[path]
    assert command.help
    context = typer.Context(command)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        assert record is not None
        assert record[1].strip() or parameter.param_type_name == "argument", parameter.name


def test_the_documentation_page_is_what_the_command_line_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python docs/generate_commands.py"


def test_a_table_and_its_json_hold_the_same_values(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "a", "count": 12345, "ratio": 0.5, "whole": True, "none": None, "blob": b"xyz"}]
    output.show_table(rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == [rows[0] | {"blob": {"bytes": 3}}]
    output.show_table(rows, as_json=False)
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == ["a", "12,345", "0.5", "yes", "3", "bytes"]


def test_a_long_value_is_not_cut_when_the_output_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table([{"uid": "1." * 200}], as_json=False)
    assert "1." * 200 in capsys.readouterr().out


def test_no_rows_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table([], as_json=False)
    assert capsys.readouterr().out == "(no rows)\n"
    output.show_table([], as_json=True)
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (58_400_000_000, "58.4 GB"), (11.14e12, "11.14 TB")],
)
def test_sizes_are_decimal(size: float, text: str) -> None:
    assert disk.size_text(size) == text


PAGES = [*(path for path in PAGE.parent.glob("*.md") if path != PAGE), PAGE.parents[1] / "README.md"]
CODE = re.compile(r"```.*?```|^ {4}[^\n]*$|`[^`]+`", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"\bhilum ([a-z][a-z-]*(?: [a-z][a-z-]*)*)([^#|;&\n]*)")
BY_DEFAULT = {("release",): ("release", "new"), ("leaderboard",): ("leaderboard", "show")}
"""What is done where a page names no further word."""


def calls() -> Iterator[tuple[str, tuple[str, ...], list[str]]]:
    """Each verb that a page shows, with the options it is given there."""
    for path in PAGES:
        found = CODE.findall(path.read_text(encoding="utf-8"))
        # A word in a sentence may be broken over two lines, a command by a backslash.
        code = "\n".join(one if one.startswith("```") else " ".join(one.split()) for one in found).replace("\\\n", " ")
        for words, rest in CALL.findall(code):
            named = tuple(words.split())
            verb = next((named[:n] for n in (3, 2, 1) if {*ALL_COMMANDS, *BY_DEFAULT} & {named[:n]}), None)
            if verb is not None:
                yield path.name, BY_DEFAULT.get(verb, verb), re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", rest)


def test_pages_give_verbs_the_options_they_have() -> None:
    wrong = []
    for name, verb, options in calls():
        known = {option for parameter in ALL_COMMANDS[verb].params for option in (*parameter.opts, "--help")}
        known |= {option for parameter in ALL_COMMANDS[verb].params for option in parameter.secondary_opts}
        wrong += [f"{name}: hilum {' '.join(verb)} {option}" for option in options if option not in known]
    assert wrong == []


def test_every_verb_is_told_on_a_page_beside_the_list_of_them() -> None:
    assert set(ALL_COMMANDS) - {verb for _, verb, _ in calls()} == set()
