"""``hilum detect``: apply a trained model to a cohort or to series."""

from __future__ import annotations

from typing import Annotated

import typer

from hilum.cli.output import ArchiveOption, JsonOption, progress
from hilum.cli.runs import show_finished


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("detect")(detect)


def detect(
    *,
    archive: ArchiveOption,
    cohort: Annotated[str, typer.Option(help="Cohort to look at.")] = "",
    series: Annotated[list[str] | None, typer.Option(help="SeriesInstanceUID to look at; repeatable.")] = None,
    model: Annotated[str, typer.Option(help="Run of hilum train whose model is applied.", show_default=False)],
    run: Annotated[str, typer.Option(help="Name of the run to make.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Find lesions with a trained model.

    The marks are statements of a research method, no diagnosis. Interrupted, the same command goes on where it was.
    """
    from hilum.catalog import Archive
    from hilum.cohort import Cohort
    from hilum.detect.application import apply_model

    if bool(cohort) == bool(series):
        raise typer.BadParameter("give either --cohort or --series")
    opened = Archive.open(archive)
    source = Cohort.load(opened, cohort) if cohort else list(dict.fromkeys(series or ()))
    count = len(source.entries) if isinstance(source, Cohort) else len(source)
    with progress("detect", count) as advance:
        made = apply_model(opened, source, model=model, run_name=run, on_progress=advance)
    show_finished(made, as_json=as_json)
