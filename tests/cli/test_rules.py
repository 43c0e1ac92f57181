"""The rules of an assessment as options: every command that assesses has every one of them."""

from __future__ import annotations

from dataclasses import fields

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from hilum.cli.app import app, register_verbs
from hilum.cli.rules import Rules

OPTIONS = {f"--{field.name.replace('_', '-')}" for field in fields(Rules)}


def options_of(*words: str) -> set[str]:
    register_verbs()
    command = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("words", [("assess",), ("compare",), ("report",), ("leaderboard", "add")])
def test_a_command_that_assesses_has_every_rule(words: tuple[str, ...]) -> None:
    assert options_of(*words) >= OPTIONS


@pytest.mark.parametrize("words", [["compare", "a", "b"], ["leaderboard", "add", "a"], ["assess", "a"]])
def test_wrong_rules_are_refused_before_anything_is_read(words: list[str]) -> None:
    register_verbs()
    result = CliRunner().invoke(app, [*words, "--archive", "/not/there", "--hit", "nonsense"])
    assert result.exit_code == 2
    assert "--hit" in result.output
