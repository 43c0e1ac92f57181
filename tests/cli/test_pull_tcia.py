"""``hilum pull`` of what TCIA hands out: a .tcia manifest, a fetch.txt, zips beside a collection."""

from __future__ import annotations

import json
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from acquire.nbia_server import PASSWORD, USER, Stored, serve_nbia
from builders import CtSeries
from hilum.acquire.manifests import read_manifest
from hilum.acquire.manifests.tcia import SERVLET, write_tcia
from hilum.cli.output import OK, REFUSED
from hilum.cli.pull import register
from hilum.errors import ConfigError, HilumError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from acquire.nbia_server import NbiaServer


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


UID = "1.2.826.0.1.3680043.8.498.77.1.1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NbiaServer]:
    paths = CtSeries(series_uid=UID).write(tmp_path / "made")
    with serve_nbia() as running:
        running.add(Stored(UID, {f"{n:08d}.dcm": path.read_bytes() for n, path in enumerate(paths, start=1)}))
        yield running


def _pull(*words: object, **environment: str) -> tuple[int, Any, str]:
    """Exit status, what ``hilum pull --json`` prints, and stderr."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    done = CliRunner().invoke(app, ["pull", *map(str, words), "--json"], env={"HILUM_ARCHIVE": "", **environment})
    if isinstance(done.exception, HilumError):
        raise done.exception
    return done.exit_code, json.loads(done.stdout) if done.stdout else None, done.stderr


def _manifest(server: NbiaServer, folder: Path, *uids: str) -> Path:
    path = folder / "cart.tcia"
    path.write_text(write_tcia(uids, name=path.name, server_url=server.url.replace("nbia-api/", SERVLET)))
    return path


def test_a_cart_of_tcia_laid_out_as_the_retriever_does(server: NbiaServer, tmp_path: Path) -> None:
    cart, out = _manifest(server, tmp_path, UID), tmp_path / "out"
    status, report, _ = _pull(cart, "--to", out, "--layout", "descriptive")
    assert (status, report["series_whole"], report["files_fetched"]) == (OK, 1, 4)
    folder = out / "CT Lymph Nodes" / "P1" / "01-02-2000-chest, routine-1.2.3" / "2-axial-7.1.1"
    assert sorted(path.name for path in folder.iterdir()) == [f"{n:08d}.dcm" for n in range(1, 5)]
    (noted,) = read_manifest(out / "metadata.csv").series
    assert (noted.series_uid, noted.instance_count) == (UID, 4)
    asked = server.answered("getImageWithMD5Hash")
    assert _pull(cart, "--to", out, "--layout", "descriptive")[0] == OK
    assert server.answered("getImageWithMD5Hash") == asked


def test_what_the_server_does_not_show_is_refused_and_a_user_helps(server: NbiaServer, tmp_path: Path) -> None:
    server.series[UID].is_public = False
    cart = _manifest(server, tmp_path, UID, "1.2.9")
    status, report, _ = _pull(cart, "--to", tmp_path / "out")
    assert (status, [one["item"] for one in report["refusals"]]) == (REFUSED, [UID, "1.2.9"])
    status, report, told = _pull(cart, "--to", tmp_path / "out", NBIA_USER=USER, NBIA_PASSWORD=PASSWORD)
    assert (status, [one["item"] for one in report["refusals"]]) == (REFUSED, ["1.2.9"])
    assert PASSWORD not in told
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 4


def test_images_one_by_one_where_the_zip_never_comes_whole(server: NbiaServer, tmp_path: Path) -> None:
    status, report, _ = _pull(_manifest(server, tmp_path, UID), "--to", tmp_path / "out", "--by-image")
    assert (status, report["files_fetched"]) == (OK, 4)
    assert server.answered("getImage") == 0


def test_a_user_without_password_is_told(server: NbiaServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NBIA_PASSWORD is not"):
        _pull(_manifest(server, tmp_path, UID), "--to", tmp_path / "out", NBIA_USER=USER)


def test_a_password_is_not_sent_where_only_a_manifest_says(server: NbiaServer, tmp_path: Path) -> None:
    cart = tmp_path / "cart.tcia"
    cart.write_text(write_tcia([UID], name=cart.name, server_url=f"https://tcia.example.org/{SERVLET}"))
    user = {"NBIA_USER": USER, "NBIA_PASSWORD": PASSWORD}
    with pytest.raises(ConfigError, match=r"--endpoint https://tcia\.example\.org/nbia-api/"):
        _pull(cart, "--to", tmp_path / "out", **user)
    assert _pull(cart, "--to", tmp_path / "out", "--endpoint", server.url, **user)[0] == OK


def test_zips_beside_a_collection(tmp_path: Path) -> None:
    place = tmp_path / "MED_ABD_LYMPH_MASKS_of_mine.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("P1_mask.nii.gz", b"mask")
    status, report, _ = _pull(place, "--collection", "ct_lymph_nodes", "--to", tmp_path / "out", "--accept-licence")
    assert (status, report["files_fetched"]) == (OK, 1)
    assert (tmp_path / "out" / "ct_lymph_nodes" / place.stem / "P1_mask.nii.gz").read_bytes() == b"mask"
    with pytest.raises(ConfigError, match="name the one collection"):
        _pull(place, "--to", tmp_path / "out")


def test_a_token_goes_to_one_server(tmp_path: Path) -> None:
    fetch, token = tmp_path / "fetch.txt", tmp_path / "token"
    fetch.write_text("https://127.0.0.1:1/a/1.dcm 5 data/a/1.dcm\nhttps://127.0.0.1:2/b/1.dcm 5 data/b/1.dcm\n")
    token.write_text("secret")
    with pytest.raises(ConfigError, match="one token is for one server") as error:
        _pull(fetch, "--to", tmp_path / "out", "--token-file", token)
    assert "secret" not in str(error.value)


def test_files_that_a_bag_left_out(tmp_path: Path) -> None:
    CtSeries(series_uid=UID).write(tmp_path / "site" / "a b")
    names = sorted(path.name for path in (tmp_path / "site" / "a b").iterdir())
    lines = [f"a%20b/{name} {(tmp_path / 'site' / 'a b' / name).stat().st_size}" for name in names[:3]]
    handler = partial(QuietHandler, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{site.server_port}"
        fetch = tmp_path / "fetch.txt"
        fetch.write_text(
            "".join(
                f"{url}/{line} data/own/P1/1.2.3/CT_{UID}/{name}\n" for line, name in zip(lines, names, strict=False)
            )
        )
        status, report, _ = _pull(fetch, "--to", tmp_path / "out", "--accept-licence")
        site.shutdown()
        thread.join()
    assert (status, report["files_fetched"]) == (OK, 3)
    folder = tmp_path / "out" / "own" / "P1" / "1.2.3" / f"CT_{UID}"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name: (tmp_path / "site" / "a b" / name).read_bytes() for name in names[:3]
    }


def test_the_known_zips_of_a_collection_are_planned(tmp_path: Path) -> None:
    status, plan, _ = _pull("zips", "--collection", "ct_lymph_nodes", "--to", tmp_path / "out", "--dry-run")
    assert (status, plan["series"]) == (OK, 3)
    assert [row["licence"] for row in plan["licences"]] == ["CC BY 3.0"]
