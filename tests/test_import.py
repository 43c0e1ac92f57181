"""``import hilum`` and ``hilum --help`` stay light, and the public names are pinned."""

from __future__ import annotations

import subprocess
import sys

import hilum

HEAVY = {
    "numpy", "scipy", "sklearn", "skops", "pyarrow", "duckdb", "pydicom", "nibabel", "imagecodecs", "PIL", "jinja2",
    "pandas", "torch", "distributed", "idc_index_data", "SimpleITK", "matplotlib",
}  # fmt: skip


def modules_loaded_by(code: str) -> set[str]:
    listing = "import sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{listing}"], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_import_hilum_loads_nothing_heavy() -> None:
    loaded = modules_loaded_by("import hilum")
    assert "hilum" in loaded
    assert not loaded & (HEAVY | {"typer", "rich"})


def test_import_hilum_loads_only_itself_and_the_standard_library() -> None:
    before = modules_loaded_by("import importlib, typing, __future__")
    assert modules_loaded_by("import hilum") - before == {"hilum"}


def test_the_command_line_loads_nothing_heavy() -> None:
    loaded = modules_loaded_by("from hilum.cli.app import register_verbs; register_verbs()")
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_public_names() -> None:
    assert hilum.__all__ == ["Archive", "Geometry", "Lesion", "Mark", "Volume", "__version__", "assess", "load"]
    for name in hilum.__all__:
        assert getattr(hilum, name) is not None
