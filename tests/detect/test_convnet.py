from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from hilum.detect.convnet import ConvNetSettings, ViewClassifier, _hardest, _loss
from hilum.detect.labels import NEGATIVE, POSITIVE
from hilum.detect.view_examples import ViewExamples
from hilum.errors import DetectorError

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = 16
SETTINGS = ConvNetSettings(filters=(4, 6, 8), epochs=6, batch=32)


def examples(count: int = 120, seed: int = 0) -> ViewExamples:
    """Noise, with a faint disc in the middle of every second view."""
    generator = np.random.default_rng(seed)
    labels = np.resize(np.array([POSITIVE, NEGATIVE], np.int8), count)
    grey = generator.normal(100, 30, (count, 3, PIXELS, PIXELS))
    row, column = np.indices((PIXELS, PIXELS)) - (PIXELS - 1) / 2
    grey[labels == POSITIVE] += 40 * (np.hypot(row, column) < 4)
    return ViewExamples(np.clip(grey, 0, 255).astype(np.uint8), labels, np.full(count, "P"))


NOBODY = examples(0)
UNSEEN = examples(seed=9)


@pytest.fixture(scope="module")
def classifier() -> ViewClassifier:
    return ViewClassifier.train(examples(), examples(60, seed=5), SETTINGS, seed=1)


def test_it_learns(classifier: ViewClassifier) -> None:
    scores = classifier.score(UNSEEN.pictures)
    positive, negative = scores[UNSEEN.labels == POSITIVE], scores[UNSEEN.labels == NEGATIVE]
    assert np.mean(positive[:, None] > negative) > 0.95
    assert np.all((scores >= 0) & (scores <= 1))


def test_the_same_seed_gives_the_same_scores_on_any_number_of_threads(classifier: ViewClassifier) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(77)
    try:
        again = ViewClassifier.train(examples(), examples(60, seed=5), SETTINGS, seed=1)
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
        drawn = torch.rand(1)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(again.score(UNSEEN.pictures), classifier.score(UNSEEN.pictures))
    assert again.losses == classifier.losses
    # What else uses PyTorch's random numbers goes on as if nothing had been trained.
    torch.manual_seed(77)
    assert torch.equal(drawn, torch.rand(1))
    other = ViewClassifier.train(examples(), NOBODY, SETTINGS, seed=2)
    assert np.any(other.score(UNSEEN.pictures) != classifier.score(UNSEEN.pictures))


def test_the_weights_of_the_best_epoch_are_kept_and_it_stops_when_it_gets_no_better() -> None:
    held_out = examples(40, seed=5)
    # Of wrongly named views the loss grows with what is learnt.
    wrong = replace(held_out, labels=1 - held_out.labels)
    settings = replace(SETTINGS, epochs=12, patience=2)
    trained = ViewClassifier.train(examples(), wrong, settings, seed=1)
    assert len(trained.losses) == int(np.argmin(trained.losses)) + 3 < 12
    assert _loss(trained._network, wrong) == pytest.approx(min(trained.losses))


def test_with_nobody_held_out_all_epochs_are_done() -> None:
    trained = ViewClassifier.train(examples(), NOBODY, replace(SETTINGS, epochs=2), seed=1)
    assert trained.losses == ()
    assert np.any(trained.score(UNSEEN.pictures) != 0.5)


class MeanGrey(torch.nn.Module):
    """Says of a view of grey value g that the odds of a lesion are g to 100."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.log((pictures.mean(dim=(1, 2, 3)) + 1) * 127.5 / 100)[:, None]


def greys(positives: list[int], negatives: list[int]) -> ViewExamples:
    grey = np.array([*positives, *negatives], np.uint8)
    labels = np.array([POSITIVE] * len(positives) + [NEGATIVE] * len(negatives), np.int8)
    pictures = np.tile(grey[:, None, None, None], (1, 3, 8, 8))
    return ViewExamples(pictures, labels, np.full(len(grey), "P"))


def test_the_loss_weighs_both_classes_alike() -> None:
    # Odds of 2 to 1 give 2/3, odds of 1 to 4 give 1/5.
    lesions, other = -np.log(2 / 3), -np.log(4 / 5)
    assert _loss(MeanGrey(), greys([200, 200, 200], [25])) == pytest.approx((lesions + other) / 2, rel=1e-5)


def test_of_the_others_those_count_that_look_most_like_lesions() -> None:
    some = greys([200, 200], [25, 100, 1, 25, 1])
    lesions, others = -np.log(2 / 3), -(np.log(1 / 2) + np.log(4 / 5)) / 2
    assert _loss(MeanGrey(), some) == pytest.approx((lesions + others) / 2, rel=1e-5)
    assert _hardest(MeanGrey(), greys([200] * 4, [25, 100, 1, 26, 1])).tolist() == [5, 7]


def test_nothing_to_score(classifier: ViewClassifier) -> None:
    assert classifier.score(NOBODY.pictures).shape == (0,)


def test_saved_and_loaded_it_scores_the_same(classifier: ViewClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "network.npz")
    loaded = ViewClassifier.load(tmp_path / "network.npz", SETTINGS, PIXELS)
    np.testing.assert_array_equal(loaded.score(UNSEEN.pictures), classifier.score(UNSEEN.pictures))


def test_equal_trainings_write_equal_files(classifier: ViewClassifier, tmp_path: Path) -> None:
    again = ViewClassifier.train(examples(), examples(60, seed=5), SETTINGS, seed=1)
    classifier.save(tmp_path / "one.npz")
    again.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def saved(classifier: ViewClassifier, folder: Path) -> tuple[Path, dict[str, Any]]:
    path = folder / "network.npz"
    classifier.save(path)
    with np.load(path) as arrays:
        return path, dict(arrays)


def test_weights_of_another_network_are_refused(classifier: ViewClassifier, tmp_path: Path) -> None:
    path, arrays = saved(classifier, tmp_path)
    with pytest.raises(DetectorError, match=r"weights of another network \(3\.weight"):
        ViewClassifier.load(path, replace(SETTINGS, filters=(4, 7, 8)), PIXELS)
    np.savez(path, **{name: array for name, array in arrays.items() if name != "0.weight"})
    with pytest.raises(DetectorError, match=r"another network \(0\.weight\)"):
        ViewClassifier.load(path, SETTINGS, PIXELS)
    np.savez(path, **{**arrays, "odd": np.zeros(1)})
    with pytest.raises(DetectorError, match=r"another network \(odd\)"):
        ViewClassifier.load(path, SETTINGS, PIXELS)


def test_weights_that_are_no_numbers_are_refused(classifier: ViewClassifier, tmp_path: Path) -> None:
    path, arrays = saved(classifier, tmp_path)
    arrays["0.weight"][0, 0, 0, 0] = np.nan
    np.savez(path, **arrays)
    with pytest.raises(DetectorError, match="no finite numbers"):
        ViewClassifier.load(path, SETTINGS, PIXELS)


class Code:
    """What runs a command when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, ...]:
        return self.witness.touch, ()


def test_a_file_that_could_run_code_is_refused(classifier: ViewClassifier, tmp_path: Path) -> None:
    path, arrays = saved(classifier, tmp_path)
    witness = tmp_path / "ran"
    np.savez(path, **{**arrays, "0.weight": np.array(Code(witness), dtype=object)})
    with pytest.raises(DetectorError, match="damaged"):
        ViewClassifier.load(path, SETTINGS, PIXELS)
    torch.save(Code(witness), path)
    with pytest.raises(DetectorError):
        ViewClassifier.load(path, SETTINGS, PIXELS)
    np.save(path.with_suffix(".npy"), np.array(Code(witness), dtype=object), allow_pickle=True)
    path.with_suffix(".npy").rename(path)
    with pytest.raises(DetectorError, match="damaged"):
        ViewClassifier.load(path, SETTINGS, PIXELS)
    assert not witness.exists()


@pytest.mark.parametrize("keep", [0, 10, 2000, -1])
def test_a_cut_file_is_refused(classifier: ViewClassifier, tmp_path: Path, keep: int) -> None:
    path, _ = saved(classifier, tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DetectorError, match="damaged"):
        ViewClassifier.load(path, SETTINGS, PIXELS)


def test_pictures_that_cannot_be_halved_thrice_are_a_mistake() -> None:
    odd = replace(examples(4), pictures=np.zeros((4, 3, 12, 12), np.uint8))
    with pytest.raises(ValueError, match="multiple of 8"):
        ViewClassifier.train(odd, NOBODY, SETTINGS, seed=0)


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from hilum.detect.detector import make_detector
from hilum.errors import ConfigError
make_detector("classic")
try:
    make_detector("network")
except ConfigError as error:
    print(error)
"""


def test_without_torch_it_says_what_to_install_and_the_classic_detector_works() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True)
    assert 'pip install "hilum[torch]"' in done.stdout
