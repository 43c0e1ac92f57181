"""What pages of directories link to, as the servers of this world write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.acquire.listing_page import read_listing

URL = "http://host/d/"
NGINX = """<html><head><title>Index of /d/</title></head><body><h1>Index of /d/</h1><hr><pre><a href="../">../</a>
<a href="s%201/">s 1/</a>                                               22-Nov-2026 02:13                   -
<a href="a%23b%3F%25.dcm">a#b?%.dcm</a>                                 22-Nov-2026 02:13              526336
<a href="very-long.dcm">very-lo..&gt;</a>                               22-Nov-2026 02:13                   7
</pre><hr></body></html>"""
APACHE = """<html><head><title>Index of /d</title></head><body><table><tr><th><a href="?C=N;O=D">Name</a></th></tr>
<tr><td><a href="/">Parent Directory</a></td><td>&nbsp;</td><td align="right">  - </td></tr>
<tr><td><a href="s%201/">s 1/</a></td><td align="right">2026-11-22 02:13  </td><td align="right">  - </td></tr>
<tr><td><a href="a%23b%3f%25.dcm">a#b?%.dcm</a></td><td>2026-11-22 02:13  </td><td align="right">514K</td></tr>
</table></body></html>"""
CADDY = """<title>d</title><h1><a href="/">host</a><a href="/d/">d</a></h1><table><tr class="file"><td>
<a href="../"><span class="goup">Up</span></a></td></tr><tr class="file"><td><a href="./s%201/"><span>s 1</span></a>
</td><td class="size" data-size="526336">514 KiB</td></tr><tr><td><a href="./a%23b%3F%25.dcm"><span>a#b?%.dcm</span></a>
</td>
</tr></table><a href="https://caddyserver.com/">Caddy</a><a href="./?layout=grid">grid</a>"""
PYTHON = """<title>Directory listing for /d/</title><ul><li><a href="s%201/">s 1/</a></li>
<li><a href="a%23b%3F%25.dcm">a#b?%.dcm</a></li><li><a href=".hidden">.hidden</a></li>
<li><a href=".git/">.git/</a></li></ul>"""


@pytest.mark.parametrize("text", [NGINX, APACHE, CADDY, PYTHON], ids=["nginx", "apache", "caddy", "python"])
def test_links_of_every_server_are_read(text: str) -> None:
    page = read_listing(URL, URL, text)
    assert page.folders == [f"{URL}s%201/"]
    assert (page.files[0].name, page.files[0].location.casefold()) == ("a#b?%.dcm", f"{URL}a%23b%3f%25.dcm")
    assert len(page.files) == (2 if text is NGINX else 1)
    assert page.is_listing


def test_sizes_are_taken_only_where_they_are_exact() -> None:
    assert [file.size_bytes for file in read_listing(URL, URL, NGINX).files] == [526336, 7]
    assert [file.size_bytes for text in (APACHE, CADDY, PYTHON) for file in read_listing(URL, URL, text).files] == [
        None
    ] * 3
    assert read_listing(URL, URL, "<a href=a>a</a> 22-Nov-2026 99").files[0].size_bytes == 99


@pytest.mark.parametrize(
    ("text", "is_listing"),
    [
        ("<title>Index of /d/</title>", True),
        ("<title>\nDirectory listing for /d/</title>", True),
        ('<a href="..">up</a>', True),
        ('<a href="http://host/">up</a>', True),
        ("", False),
        ('<form action="/login"><a href="http://other/">x</a></form>', False),
    ],
)
def test_an_empty_directory_is_told_from_another_page(text: str, is_listing: bool) -> None:
    page = read_listing(URL, URL, text)
    assert (page.files, page.folders, page.is_listing) == ([], [], is_listing)


def test_a_page_from_elsewhere_counts_only_if_it_is_a_directory() -> None:
    text = '<a href="a.dcm">a</a><a href="/help">b</a>'
    assert not read_listing(URL, "http://host/login", text).is_listing
    assert [file.location for file in read_listing(URL, "http://host/e/", text).files] == [f"{URL}a.dcm"]


@given(
    st.text()
    | st.lists(
        st.sampled_from(["<a href=", '"', "../", "//", "a", ">", "</a>", " 12", "http://[", "%2e%2e/", "&amp;", "\0"])
    ).map("".join)
)
def test_nothing_leads_out_of_the_directory(text: str) -> None:
    page = read_listing(URL, URL, text)
    assert all(file.location.startswith(URL) and file.location != URL for file in page.files)
    assert all(folder.startswith(URL) and folder.count("/") == URL.count("/") + 1 for folder in page.folders)
