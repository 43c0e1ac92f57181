"""Servers that others wrote, run on this machine as long as a test asks them."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ORTHANC_PLUGINS = "/usr/share/orthanc/plugins"
START_TIMEOUT_S = 60.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(command: Sequence[str], url: str, log: Path) -> Iterator[str]:
    """Run a server until it answers at `url`; end it afterwards."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as server:
        try:
            until = time.monotonic() + START_TIMEOUT_S
            while not _answers(url):
                if server.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.05)
            yield url
        finally:
            server.terminate()
            server.wait()


def program(name: str, package: str) -> str:
    """Where a program lies."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name, path=f"/usr/sbin:/usr/bin:{Path.home()}/bin")
    if found is None:
        pytest.fail(f"no {name} on this machine; `make test` installs it ({package})")
    return found


@contextmanager
def orthanc(folder: Path, **dicom_web: Any) -> Iterator[str]:
    """Run Orthanc with its DICOMweb plugin, which takes further options; give its address."""
    port = free_port()
    options = {
        "StorageDirectory": str(folder / "orthanc"),
        "IndexDirectory": str(folder / "orthanc"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [ORTHANC_PLUGINS],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", **dicom_web},
    }
    (folder / "orthanc.json").write_text(json.dumps(options))
    command = [program("Orthanc", "apt-get install orthanc orthanc-dicomweb"), str(folder / "orthanc.json")]
    url = f"http://127.0.0.1:{port}"
    with running(command, f"{url}/system", folder / "orthanc.log"):
        yield url


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code < 500
    except httpx.TransportError:
        return False
