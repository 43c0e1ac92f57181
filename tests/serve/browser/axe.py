"""The accessibility checker axe-core: ``python tests/serve/browser/axe.py`` fetches it, for the tests alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hilum.serve.assets.install import install
from hilum.serve.assets.packages import Package
from hilum.serve.assets.store import Store, default_folder

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Package(
    name="axe-core",
    version="4.14.1",
    integrity="sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    folder="axe",
    within="package",
    keep=("axe.min.js",),
)
GRAVE = ("serious", "critical")


def script() -> str:
    """Give the checker's script.

    Raises
    ------
    FileNotFoundError
        It was not fetched.
    """
    asset = Store.open(default_folder()).asset("axe/axe.min.js", accepts_gzip=False)
    if asset is None:
        raise FileNotFoundError("axe-core is not installed; run: python tests/serve/browser/axe.py")
    return asset.body.decode()


def grave_faults(page: Page) -> list[str]:
    """Give the serious and critical faults of a page in which the script runs, each with the elements it is at."""
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {fault['help']}: {[node['html'][:200] for node in fault['nodes'][:5]]}"
        for fault in found["violations"]
        if fault["impact"] in GRAVE
    ]


if __name__ == "__main__":
    install([AXE])
