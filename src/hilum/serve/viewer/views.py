"""The viewer's files, its start page under each of its own paths, and its configuration."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from hilum.serve.assets.store import Asset, Store
from hilum.serve.viewer.configuration import script

if TYPE_CHECKING:
    from pathlib import Path

    from django.http import HttpRequest

MICROSCOPE = "microscopy"
MODES = ("viewer", MICROSCOPE, "segmentation")
"""First parts of the paths that OHIF shows itself under."""
_HASHED = re.compile(r"\b[0-9a-f]{16}\.(?:js|wasm|woff2|css)$")
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_MAKES_FUNCTIONS = b"new Function("
_YEAR_S = 365 * 24 * 3600
_NOT_INSTALLED = "The viewer is not installed. Run: hilum viewer install"


@require_safe
def start_page(request: HttpRequest, path: str = "") -> HttpResponse:
    """Give OHIF's page; what it shows it reads from the address. A name with an end is a file, not a place."""
    if "." in path.rpartition("/")[2]:
        raise Http404
    asset = _store().asset("viewer/index.html", accepts_gzip=False)
    if asset is None:
        return HttpResponse(_NOT_INSTALLED, status=503, content_type="text/plain; charset=utf-8")
    response = HttpResponse(asset.body, content_type="text/html; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    is_microscope = request.path.startswith(f"/{MICROSCOPE}")
    response["Content-Security-Policy"] = content_security_policy(asset.body, compiles=not is_microscope)
    return response


@require_safe
def file(request: HttpRequest, name: str) -> HttpResponse:
    """Give a file of the viewer; 404 where it has none of that name."""
    response = _asset_response(request, f"viewer/{name}")
    # A worker is held to the policy that came with its own script, not to that of the page that started it.
    compiles = _compiles(settings.ASSETS_FOLDER, f"viewer/{name}")
    response["Content-Security-Policy"] = content_security_policy(compiles=compiles)
    return response


@require_safe
def portal_file(request: HttpRequest, name: str) -> HttpResponse:
    """Give a file that the pages use, such as htmx."""
    return _asset_response(request, f"portal/{name}")


@require_safe
def configuration(request: HttpRequest) -> HttpResponse:
    """Give OHIF's configuration, which it loads before it starts."""
    response = HttpResponse(script(settings.OPTIONS.site_name), content_type="application/javascript")
    response["Cache-Control"] = "no-cache"
    return response


@cache
def content_security_policy(page: bytes = b"", *, compiles: bool = False) -> str:
    """Allow OHIF what it needs and no other host: its own inline scripts by hash, WebAssembly, workers from blobs.

    Parameters
    ----------
    page
        The page, for its inline scripts.
    compiles
        Whether scripts may make functions of texts (``new Function``). OHIF 3.13.2 does so where it takes a SEG apart
        (ndarray), so that every page that may show one needs it, and in the workers that decode (the glue of
        WebAssembly codecs); its page of slides and all other workers do without.
    """
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(page)]
    scripts = ["'self'", "'wasm-unsafe-eval'", *(["'unsafe-eval'"] if compiles else [])]
    scripts += [f"'sha256-{one}'" for one in hashes]
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src {' '.join(scripts)}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' blob: data:",
            "font-src 'self' data:",
            "connect-src 'self' blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


@cache
def _compiles(folder: Path, name: str) -> bool:
    """Whether a file of the viewer is a script that makes functions of texts."""
    asset = _open(folder).asset(name, accepts_gzip=False) if name.endswith(".js") else None
    return asset is not None and _MAKES_FUNCTIONS in asset.body


def _asset_response(request: HttpRequest, name: str) -> HttpResponse:
    asset = _store().asset(name, accepts_gzip="gzip" in request.headers.get("Accept-Encoding", ""))
    if asset is None:
        raise Http404
    if request.headers.get("If-None-Match") == asset.etag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(asset.body, content_type=asset.media_type)
        _describe(response, asset)
    response["ETag"] = asset.etag
    response["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable" if _HASHED.search(name) else "no-cache"
    response["Vary"] = "Accept-Encoding"
    return response


def _describe(response: HttpResponse, asset: Asset) -> None:
    if asset.is_compressed:
        response["Content-Encoding"] = "gzip"
    response["X-Content-Type-Options"] = "nosniff"


def _store() -> Store:
    return _open(settings.ASSETS_FOLDER)


_open = cache(Store.open)
