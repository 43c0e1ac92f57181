"""A work's citation as APA text, BibTeX, CITATION.cff, and as the bundle of all citations and licences of a mixture.

References
----------
Citation File Format 1.2.0, doi:10.5281/zenodo.5171937; APA style 7, section 10.9 (data sets); BibLaTeX, entry type
``dataset`` (``misc`` in BibTeX).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hilum.publish.sources import Author, Source
    from hilum.publish.work import Work

MOST_AUTHORS_NAMED = 20
"""Of more, APA names the first 19 and the last."""

_SPECIAL_IN_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    character: f"\\{character}" for character in "&%$#_{}"
}


def apa(work: Work) -> str:
    """Give the citation as APA has it: ``Authors (year). Title (Version n) [Data set]. Publisher. Address``."""
    if work.citation:
        return work.citation
    version = f" (Version {work.version})" if work.version else ""
    title = f"{work.title}{version} [Data set]"
    return _apa(work.authors, work.year, title, work.publisher, work.url)


def apa_of_source(source: Source) -> str:
    """Give the citation of a data set: its publisher's words, or words made from its parts."""
    if source.citation:
        return source.citation
    version = f" (Version {source.version})" if source.version else ""
    return _apa(source.authors, source.year, f"{source.title}{version} [Data set]", source.publisher, source.url)


def _apa(authors: Sequence[Author], year: int, title: str, publisher: str, url: str) -> str:
    date = f"({year or 'n.d.'})"
    # Without authors the title comes first.
    who = [f"{_ended(_listed(authors))} {date}.", f"{title}."] if authors else [f"{title}. {date}."]
    return " ".join([*who, *([_ended(publisher)] if publisher else []), *([url] if url else [])])


def _listed(authors: Sequence[Author]) -> str:
    names = [author.text for author in authors]
    if len(names) > MOST_AUTHORS_NAMED:
        return ", ".join(names[: MOST_AUTHORS_NAMED - 1]) + f", … {names[-1]}"
    return ", & ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def bibtex(work: Work) -> str:
    """Give BibTeX: an entry for the work, and one for each data set it is derived from."""
    key = re.sub(r"[^A-Za-z0-9]+", "-", f"{work.name}-{work.version}" if work.version else work.name).strip("-")
    entries = [_entry(key, work)]
    entries += [_entry(f"{key}-source-{number}", source) for number, source in enumerate(work.derived_from, start=1)]
    return "\n".join(entries)


def _entry(key: str, cited: Work | Source) -> str:
    names = (_tex(one.text) if one.given else f"{{{_tex(one.text)}}}" for one in cited.authors)
    values = {
        "author": " and ".join(names),
        "title": f"{{{_tex(cited.title)}}}",
        "year": str(cited.year or ""),
        "publisher": _tex(cited.publisher),
        "version": _tex(cited.version),
        "doi": cited.doi,
        "url": cited.url,
        "note": _tex(f"Data set, licence: {cited.licence.name}"),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in values.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"]) + "\n"


def _tex(text: str) -> str:
    return "".join(_SPECIAL_IN_TEX.get(character, character) for character in text)


def cff(work: Work) -> str:
    """Give the content of a ``CITATION.cff``, version 1.2.0.

    Raises
    ------
    ConfigError
        Nobody said who the authors are.
    """
    work.require("CITATION.cff", "authors", "title")
    values: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use these data, please cite them and every reference below, as their licences ask.",
        "type": "dataset",
        "title": work.title,
        "authors": _cff_authors(work.authors),
        "version": work.version,
        "date-released": work.released_on.isoformat() if work.released_on else "",
        "doi": work.doi,
        "url": work.url,
        "license": work.licence.spdx or "",
        "license-url": "" if work.licence.spdx else work.licence.url,
        "abstract": work.description,
        "references": [*map(_cff_reference, work.derived_from), *_cff_publications(work)],
    }
    return "".join(_yaml({name: value for name, value in values.items() if value}))


def _cff_authors(authors: Sequence[Author]) -> list[dict[str, str]]:
    return [
        {"family-names": one.family, "given-names": one.given} if one.given else {"name": one.family} for one in authors
    ]


def _cff_reference(source: Source) -> dict[str, Any]:
    """A data set; one whose authors nobody knows is cited in the name of its publisher."""
    entity = [{"name": source.publisher or source.collection_id}]
    values: dict[str, Any] = {
        "type": "data",
        "title": source.title,
        "authors": _cff_authors(source.authors) or entity,
        "year": source.year,
        "version": source.version,
        "doi": source.doi,
        "url": source.url,
        "license": source.licence.spdx or "",
        "notes": "" if source.licence.spdx else f"licence: {source.licence.name}",
    }
    return {name: value for name, value in values.items() if value}


def _cff_publications(work: Work) -> Iterator[dict[str, Any]]:
    from hilum.publish.sources import parse_publication

    for publication in work.publications:
        parts = parse_publication(publication)
        values: dict[str, Any] = {
            "type": "article",
            "title": parts.title,
            "authors": _cff_authors(parts.authors),
            "year": parts.year,
            "doi": publication.doi,
            "notes": publication.citation,
        }
        yield {name: value for name, value in values.items() if value}


def _yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Write mappings and lists as YAML; a text in double quotes is YAML as it is JSON."""
    for name, item in value.items():
        if isinstance(item, list):
            yield f"{indent}{name}:\n"
            for element in item:
                inner = "".join(_yaml(element, f"{indent}    "))
                yield f"{indent}  - {inner.lstrip()}"
        else:
            yield f"{indent}{name}: {json.dumps(item, ensure_ascii=False)}\n"


def bundle(work: Work) -> str:
    """Give, in Markdown, every citation and licence of a work, and the licence that decides over the whole."""
    title = f"{work.title} (version {work.version})" if work.version else work.title
    licence = work.licence
    lines = [
        f"# How to cite, and what you may do: {title}",
        "",
        f"Licence of the whole: **{licence.name}**{f' ({licence.url})' if licence.url else ''}.",
        f"It asks: {licence.demands}. Of several sources, the most restrictive licence counts.",
        "",
        "## Cite this",
        "",
        apa(work),
        "",
        *_publication_lines(work.publications),
        "## Sources",
        "",
    ]
    for source in work.sources:
        lines += [*_source_lines(source), ""]
    return "\n".join(lines).rstrip() + "\n"


def _source_lines(source: Source) -> Iterator[str]:
    licence = source.licence
    yield f"### {source.title}"
    yield ""
    yield f"- collection: {source.collection_id}, {source.series_count:,} series"
    yield f"- licence: {licence.name}{f', {licence.url}' if licence.url else ''}"
    yield f"- asks: {licence.demands}"
    yield f"- cite: {apa_of_source(source)}"
    for publication in source.publications:
        yield f"- cite too ({publication.purpose}): {publication.citation}"


def _publication_lines(publications: Sequence[Any]) -> list[str]:
    if not publications:
        return []
    return ["And:", "", *(f"- {one.purpose}: {one.citation}" for one in publications), ""]
