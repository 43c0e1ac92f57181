"""``hilum serve`` where nothing can listen."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from hilum.cli import serve
from hilum.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("host", "said"), [("127.0.0.1", "already in use"), ("192.0.2.1", "name another")])
def test_an_address_that_is_taken_or_elsewhere_is_told_before_anything_is_made(
    tmp_path: Path, host: str, said: str
) -> None:
    app = typer.Typer()
    serve.register(app)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["--archive", str(tmp_path / "archive"), "--host", host, "--port", str(port)]
        error = CliRunner().invoke(app, words).exception
    assert isinstance(error, ConfigError)
    assert said in str(error)
    assert not (tmp_path / "archive").exists()
