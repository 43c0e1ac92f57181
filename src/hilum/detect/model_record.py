"""The record beside a trained model: of which method it is, with what settings, and what its file must hash to."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from hilum.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hilum.detect.detector import Detector

Settings = TypeVar("Settings")

RECORD_FILE = "detector.json"
REQUIRED = {"method", "version", "parameters", "sha256"}


def write_record(detector: Detector, model: Path, **about: Any) -> None:
    """Write the record of the model file of `detector` into its folder.

    Parameters
    ----------
    model
        The file, written whole.
    about
        What else is worth knowing of the training, as JSON values; nothing reads it.
    """
    record = {
        "method": detector.name,
        "version": detector.version,
        "parameters": detector.parameters(),
        "sha256": sha256(model.read_bytes()).hexdigest(),
        **about,
    }
    model.with_name(RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n")


def read_record(detector: Detector, model: Path, settings_of: Callable[[dict[str, Any]], Settings]) -> Settings:
    """Settings of the model that a folder holds for `detector`.

    Parameters
    ----------
    model
        The file of the model.
    settings_of
        Makes settings of what `Detector.parameters` gave.

    Raises
    ------
    DetectorError
        The folder holds no model, or one of another method or version, or its file is not as it was saved.
    """
    path = model.with_name(RECORD_FILE)
    record = _read(path)
    if (record["method"], record["version"]) != (detector.name, detector.version):
        raise DetectorError(
            f"{model.parent} holds a model of {record['method']} version {record['version']}; "
            f"this is {detector.name} version {detector.version}. Train it again."
        )
    found = sha256(model.read_bytes()).hexdigest()
    if found != record["sha256"]:
        raise DetectorError(f"{model} is not as it was saved (SHA-256 {found}): train it again")
    try:
        return settings_of(record["parameters"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DetectorError(
            f"{path} is damaged: its parameters are not those of {detector.name} ({error!r})"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise DetectorError(f"{path.parent} holds no trained model: {path.name} is missing") from error
    except ValueError as error:
        raise DetectorError(f"{path} is damaged: {error}") from error
    if missing := REQUIRED - set(record):
        raise DetectorError(f"{path} lacks {', '.join(sorted(missing))}")
    return record
