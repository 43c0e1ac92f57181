"""A convolutional network that says of a view whether it shows a lesion, and its file, which cannot run code.

It follows Roth 2014 (see `hilum.detect.views`) in its input, its task and its balanced batches. The network itself is
smaller, so that a processor core looks at thousands of views a second: three convolutions with shared weights, batch
normalization in place of local response normalization, dropout in place of DropConnect.

The same examples and seed give the same weights on any number of cores: it computes in one thread, since sums of
floats depend on how they are shared out. Folds and volumes run side by side instead.
"""

from __future__ import annotations

import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from hilum.detect.labels import POSITIVE
from hilum.detect.view_examples import balanced_batches
from hilum.errors import ConfigError, DetectorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

    from hilum.detect.view_examples import ViewExamples
    from hilum.detect.views import Pictures

    Floats = NDArray[np.float64]

CHANNELS = 3
"""Planes of a view."""

HALVINGS = 3
"""How often the network halves a picture."""

MIDDLE_GREY = 127.5
"""Half of the largest grey value: pictures are shown to the network as -1 to 1."""

VIEWS_A_PASS = 256
"""Views scored at once: 3 MB of input."""

LEAST_PROBABILITY = 1e-7
"""Probabilities are kept so far from 0 and 1 when their logarithm is taken: the precision of float32."""


@dataclass(frozen=True, slots=True)
class ConvNetSettings:
    """How the network is built and trained.

    Attributes
    ----------
    filters
        Of the three convolutions.
    dropout
        Share of the last layer's inputs left out at random while it learns (Roth 2014: 0.5).
    epochs, patience
        Most passes over the lesions' views; passes without a lower loss on the held-out persons after which it stops.
    batch
        Views a step, half of them of lesions.
    search_interval
        Passes after which the counter-examples that look most like lesions are sought anew; they then make up half of
        those that are shown. Most are easy, and a network that is shown all alike learns little about the others.
    learning_rate, weight_decay
        Of AdamW: the defaults of Kingma and Ba 2015 (arXiv:1412.6980) and of PyTorch.
    """

    filters: tuple[int, int, int] = (32, 48, 64)
    dropout: float = 0.5
    epochs: int = 20
    patience: int = 6
    batch: int = 128
    search_interval: int = 3
    learning_rate: float = 0.001
    weight_decay: float = 0.01


class ViewClassifier:
    """Probability that a view shows a lesion, if every second one did.

    Attributes
    ----------
    losses
        Loss on the held-out persons after each epoch of the training; empty where nobody was held out, and of a
        network that was read from a file.
    """

    def __init__(self, network: Module, losses: tuple[float, ...] = ()) -> None:
        self._network = network
        self.losses = losses

    @classmethod
    def train(
        cls, examples: ViewExamples, held_out: ViewExamples, settings: ConvNetSettings, seed: int
    ) -> ViewClassifier:
        """Learn from `examples`; keep the weights of the epoch with the least loss on `held_out`.

        Without held-out examples all epochs are done, and the last weights kept.
        """
        import torch

        with _one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = _build(examples.pictures.shape[-1], settings)
            losses = _fit(network, examples, held_out, settings, np.random.default_rng(seed))
        return cls(network, losses)

    def score(self, pictures: Pictures) -> Floats:
        """Probability of each view, ``(n,)``."""
        with _one_thread():
            return _probabilities(self._network, pictures)

    def save(self, path: Path) -> None:
        """Write the weights as NumPy arrays by name (``.npz``)."""
        with path.open("wb") as file:
            np.savez(file, **_weights(self._network))

    @classmethod
    def load(cls, path: Path, settings: ConvNetSettings, pixels: int) -> ViewClassifier:
        """Read what `save` wrote, of a network for pictures of `pixels` rows and columns.

        Raises
        ------
        DetectorError
            The file is damaged, or holds other weights than those of such a network.
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            network = _build(pixels, settings)
        arrays = _read_weights(path, _weights(network))
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        return cls(network)


def require_torch() -> None:
    """Ask for PyTorch, without loading it.

    Raises
    ------
    ConfigError
        It is not installed.
    """
    if find_spec("torch") is None:
        raise ConfigError('the network detector needs PyTorch, which is not installed: pip install "hilum[torch]"')


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch compute the same on every machine of a kind; leave its settings as they were."""
    import torch

    threads, is_deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(is_deterministic)


def _build(pixels: int, settings: ConvNetSettings) -> Module:
    """Three convolutions, each followed by halving the picture, and one number out of what is left."""
    from torch import nn

    if pixels % 2**HALVINGS:
        raise ValueError(f"pictures of {pixels} pixels: expected a multiple of {2**HALVINGS}")
    first, second, third = settings.filters
    return nn.Sequential(
        nn.Conv2d(CHANNELS, first, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(first),
        nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1, bias=False),
        nn.BatchNorm2d(second),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(second, third, 3, padding=1, bias=False),
        nn.BatchNorm2d(third),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(settings.dropout),
        nn.Linear(third * (pixels // 2**HALVINGS) ** 2, 1),
    )


def _fit(
    network: Module,
    examples: ViewExamples,
    held_out: ViewExamples,
    settings: ConvNetSettings,
    generator: np.random.Generator,
) -> tuple[float, ...]:
    """Train until the loss on the held-out examples falls no more; give that loss after each epoch."""
    import torch

    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    losses: list[float] = []
    best, hard = None, np.empty(0, np.intp)
    for epoch in range(settings.epochs):
        if epoch and epoch % settings.search_interval == 0:
            hard = _hardest(network, examples)
        for rows in balanced_batches(examples.labels, settings.batch, generator, hard):
            _step(network, optimizer, examples.take(rows))
        if len(held_out.labels) == 0:
            continue
        losses.append(_loss(network, held_out))
        since_best = len(losses) - 1 - int(np.argmin(losses))
        if since_best == 0:
            best = {name: weights.clone() for name, weights in network.state_dict().items()}
        if since_best >= settings.patience:
            break
    if best is not None:
        network.load_state_dict(best)
    return tuple(losses)


def _step(network: Module, optimizer: Optimizer, batch: ViewExamples) -> None:
    import torch

    wanted = torch.from_numpy((batch.labels == POSITIVE).astype(np.float32))
    optimizer.zero_grad()
    logits = network.train()(_shown(batch.pictures))[:, 0]
    torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted).backward()
    optimizer.step()


def _hardest(network: Module, examples: ViewExamples) -> NDArray[np.intp]:
    """Rows of the negatives that look most like lesions, half as many as there are positives."""
    negatives = np.flatnonzero(examples.labels != POSITIVE)
    order = np.argsort(-_probabilities(network, examples.pictures[negatives]), kind="stable")
    return negatives[order[: np.count_nonzero(examples.labels == POSITIVE) // 2]]


def _loss(network: Module, examples: ViewExamples) -> float:
    """Mean cross entropy of both classes, each counting half, over all positives and as many of the hardest negatives.

    Over all negatives it would fall with easy ones alone, which do not come near the lesions in rank.
    """
    probabilities = _probabilities(network, examples.pictures)
    is_lesion = examples.labels == POSITIVE
    lesions = probabilities[is_lesion]
    others = np.sort(probabilities[~is_lesion])[-len(lesions) :]
    right = np.maximum(lesions, LEAST_PROBABILITY), np.maximum(1 - others, LEAST_PROBABILITY)
    return float(-sum(np.log(some).mean() for some in right) / 2)


def _probabilities(network: Module, pictures: Pictures) -> Floats:
    import torch

    network.eval()
    parts = [np.empty(0)]
    with torch.inference_mode():
        for start in range(0, len(pictures), VIEWS_A_PASS):
            logits = network(_shown(pictures[start : start + VIEWS_A_PASS]))[:, 0]
            parts.append(torch.sigmoid(logits.double()).numpy())
    return np.concatenate(parts)


def _shown(pictures: Pictures) -> Tensor:
    """Grey values as the network sees them, float32 from -1 to 1."""
    import torch

    return torch.from_numpy(pictures).float() / MIDDLE_GREY - 1


def _weights(network: Module) -> dict[str, Any]:
    return {name: weights.numpy() for name, weights in network.state_dict().items()}


def _read_weights(path: Path, expected: dict[str, Any]) -> dict[str, Any]:
    """Arrays of a file, which must have the names, shapes and types of `expected`, and be finite."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: np.asarray(arrays[name]) for name in arrays.files}
    except (zipfile.BadZipFile, LookupError, ValueError, EOFError, TypeError, AttributeError) as error:
        raise DetectorError(f"model file {path} is damaged ({error}); train it again or copy it anew") from error
    forms = [{name: (array.shape, array.dtype) for name, array in some.items()} for some in (found, expected)]
    if forms[0] != forms[1]:
        odd = sorted(name for name in {**forms[0], **forms[1]} if forms[0].get(name) != forms[1].get(name))
        raise DetectorError(
            f"model file {path} holds weights of another network ({', '.join(odd[:3])}): train it again"
        )
    if not all(np.isfinite(array).all() for array in found.values()):
        raise DetectorError(f"model file {path} holds weights that are no finite numbers: train it again")
    return found
