"""``hilum phantom``: make a phantom collection."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (Typer reads the annotations when it runs)
from typing import Annotated

import typer

from hilum.cli.output import JsonOption, progress, show_table
from hilum.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("phantom")(make)


def make(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; must be empty or absent.", show_default=False)],
    participants: Annotated[int, typer.Option(min=2, max=998, help="Half mediastinal, half abdominal.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal collections.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Make computed CT with known lymph nodes, in the form of the collection CT Lymph Nodes.

    The images show no patients, and every header says so.
    """
    from hilum.phantom import write_collection

    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty; name an empty or new folder, so that nothing is mixed up")
    with progress("phantoms", participants) as advance:
        written = write_collection(folder, participants=participants, seed=seed, on_progress=advance)
    rows = [
        {
            "PatientID": participant.participant_id,
            "scan": participant.scan_number,
            "slices": participant.geometry.shape[0],
            "nodes": sum(node.is_annotated for node in participant.nodes),
            "from_10_mm": sum(node.is_annotated and node.short_axis_mm >= 10 for node in participant.nodes),
            "SeriesInstanceUID": participant.series_uid,
        }
        for participant in written
    ]
    show_table(rows, as_json=as_json, title=f"phantom collection in {folder}")
