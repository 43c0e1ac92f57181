"""``hilum assess`` called as its user does, on two small tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer
from typer.testing import CliRunner

from hilum.cli import assess as verb
from hilum.model.findings import Lesion, Mark

if TYPE_CHECKING:
    from typer.testing import Result

LESIONS = [Lesion("a", "1", (0.0, 0.0, 0.0), diameter_mm=10.0), Lesion("b", "1", (0.0, 0.0, 0.0), diameter_mm=10.0)]
MARKS = [Mark("a", (1.0, 0.0, 0.0), 0.9), Mark("b", (40.0, 0.0, 0.0), 0.8)]


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    verb.register(app)
    return CliRunner().invoke(app, ["assess", *map(str, arguments)], env={"HILUM_ARCHIVE": ""})


def shown(*arguments: object) -> dict[str, Any]:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found
