from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hilum.detect.classic import ClassicDetector
from hilum.detect.detector import detector_names, make_detector
from hilum.errors import DetectorError

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, line: str) -> None:
    """Lay down what pip would of a package ``toy`` that offers a detector."""
    about = folder / "toy-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[hilum.detectors]\n{line}\n")


def test_classic_is_installed() -> None:
    assert "classic" in detector_names()
    detector = make_detector("classic", seed=5)
    assert isinstance(detector, ClassicDetector)
    assert detector.parameters()["seed"] == 5


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(DetectorError, match=r"unknown detector 'clasic'; installed are: .*classic"):
        make_detector("clasic")


def test_another_package_may_offer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "toy = offered_detector:Toy")
    (tmp_path / "offered_detector.py").write_text("class Toy:\n    def __init__(self, *, seed): self.seed = seed\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "toy" in detector_names()
    assert make_detector("toy", seed=2).seed == 2  # type: ignore[attr-defined]


def test_one_that_does_not_import_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "toy = absent_module:Toy")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DetectorError, match="absent_module"):
        make_detector("toy")
