"""Licences that data of this field are under: what each asks of its user, and how they are told apart by name.

A licence that is not known here is never taken as free: it stands above all others until a person has read it.

References
----------
Creative Commons licences, https://creativecommons.org/licenses/; SPDX licence list, https://spdx.org/licenses/;
TCIA data usage policies, https://www.cancerimagingarchive.net/data-usage-policies-and-restrictions/;
licence names of the IDC: columns ``license_short_name`` and ``license_url`` of the package ``idc-index-data``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Restriction(IntEnum):
    """How much a licence holds back; the higher, the less is allowed. Of a mixture, the highest counts."""

    NONE = 0
    ATTRIBUTION = 1
    SHARE_ALIKE = 2
    TERMS = 3
    """The provider's own terms of use, which bind without a signature."""
    NON_COMMERCIAL = 4
    NON_COMMERCIAL_SHARE_ALIKE = 5
    NO_DERIVATIVES = 6
    NON_COMMERCIAL_NO_DERIVATIVES = 7
    AGREEMENT = 8
    """Only who signed an agreement, or was granted access, may have the data."""
    UNKNOWN = 9
    """Nobody has read it: nothing may be taken for granted."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence.

    Attributes
    ----------
    name
        Short name, ``CC BY 4.0``; of an unknown licence the words that were found.
    title
        Its full name.
    url
        Where it is written; empty where that is not known.
    spdx
        Identifier in the SPDX list; None if it is not there.
    restriction
        How much it holds back.
    needs_attribution
        Whoever uses the data must cite them.
    is_non_commercial
        Commercial use is not allowed.
    needs_agreement
        The data may be had only after an agreement, or a grant of access.
    """

    name: str
    title: str
    url: str
    spdx: str | None
    restriction: Restriction
    needs_attribution: bool = True
    is_non_commercial: bool = False
    needs_agreement: bool = False

    @property
    def is_known(self) -> bool:
        """Whether hilum knows what it asks."""
        return self.restriction is not Restriction.UNKNOWN

    @property
    def demands(self) -> str:
        """What it asks of the user, in a line."""
        if not self.is_known:
            return "not known to hilum: read it and ask its provider before any use"
        asked = [words for flag, words in _DEMANDS.items() if getattr(self, flag)]
        asked += [_MORE_DEMANDS[self.restriction]] if self.restriction in _MORE_DEMANDS else []
        return "; ".join(asked) or "nothing"


_DEMANDS = {
    "needs_agreement": "signed agreement or granted access",
    "is_non_commercial": "no commercial use",
    "needs_attribution": "citation",
}
_MORE_DEMANDS = {
    Restriction.SHARE_ALIKE: "derived data under the same licence",
    Restriction.NON_COMMERCIAL_SHARE_ALIKE: "derived data under the same licence",
    Restriction.NO_DERIVATIVES: "no sharing of derived data",
    Restriction.NON_COMMERCIAL_NO_DERIVATIVES: "no sharing of derived data",
    Restriction.TERMS: "the provider's terms of use",
}

CC0 = Licence(
    "CC0 1.0",
    "Creative Commons Zero v1.0 Universal",
    "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC0-1.0",
    Restriction.NONE,
    needs_attribution=False,
)
TCIA_POLICY = Licence(
    "TCIA Data Usage Policy",
    "TCIA Data Usage Policy and Restrictions",
    "https://www.cancerimagingarchive.net/data-usage-policies-and-restrictions/",
    None,
    Restriction.TERMS,
)
TCIA_RESTRICTED = Licence(
    "TCIA Restricted",
    "TCIA Restricted License Agreement",
    "https://www.cancerimagingarchive.net/data-usage-policies-and-restrictions/",
    None,
    Restriction.AGREEMENT,
    needs_agreement=True,
)
TCIA_LIMITED = Licence(
    "TCIA Limited Access",
    "TCIA Limited Access License",
    "https://www.cancerimagingarchive.net/data-usage-policies-and-restrictions/",
    None,
    Restriction.AGREEMENT,
    needs_agreement=True,
)
NIH_CONTROLLED = Licence(
    "NIH Controlled Data Access",
    "NIH Controlled Data Access Policy",
    "https://www.cancerimagingarchive.net/nih-controlled-data-access-policy/",
    None,
    Restriction.AGREEMENT,
    needs_agreement=True,
)
NCTN = Licence(
    "NCTN/NCORP Data Archive",
    "NCTN/NCORP Data Archive data use agreement",
    "https://dctd.cancer.gov/research/networks/nctn/data-archive",
    None,
    Restriction.AGREEMENT,
    needs_agreement=True,
)
NLM_TERMS = Licence(
    "National Library of Medicine Terms and Conditions; May 21, 2019",
    "National Library of Medicine Terms and Conditions; May 21, 2019",
    "https://www.nlm.nih.gov/databases/download/terms_and_conditions.html",
    None,
    Restriction.TERMS,
)

_CC_TITLES = {
    "BY": ("Attribution", Restriction.ATTRIBUTION),
    "BY-SA": ("Attribution-ShareAlike", Restriction.SHARE_ALIKE),
    "BY-NC": ("Attribution-NonCommercial", Restriction.NON_COMMERCIAL),
    "BY-NC-SA": ("Attribution-NonCommercial-ShareAlike", Restriction.NON_COMMERCIAL_SHARE_ALIKE),
    "BY-ND": ("Attribution-NoDerivatives", Restriction.NO_DERIVATIVES),
    "BY-NC-ND": ("Attribution-NonCommercial-NoDerivatives", Restriction.NON_COMMERCIAL_NO_DERIVATIVES),
}
_CC_REACH = {"2.0": "Generic", "2.5": "Generic", "3.0": "Unported", "4.0": "International"}


def _creative_commons(terms: str, version: str) -> Licence:
    title, restriction = _CC_TITLES[terms]
    return Licence(
        f"CC {terms} {version}",
        f"Creative Commons {title} {version} {_CC_REACH[version]}",
        f"https://creativecommons.org/licenses/{terms.lower()}/{version}/",
        f"CC-{terms}-{version}",
        restriction,
        is_non_commercial="NC" in terms,
    )


LICENCES: tuple[Licence, ...] = (
    CC0,
    *(_creative_commons(terms, version) for terms in _CC_TITLES for version in _CC_REACH),
    TCIA_POLICY,
    NLM_TERMS,
    TCIA_RESTRICTED,
    TCIA_LIMITED,
    NIH_CONTROLLED,
    NCTN,
)
"""The licences that hilum knows."""

_BY_NAME = {licence.name: licence for licence in LICENCES}

_CC_WORDS = (
    (r"^https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/", "cc "),
    (r"/(?:deed|legalcode)[a-z.-]*$", ""),
    (r"creative commons", "cc"),
    (r"attribution", "by"),
    (r"non[ -]?commercial", "nc"),
    (r"share[ -]?alike", "sa"),
    (r"no[ -]?deriv(?:atives|ative works|s)", "nd"),
    (r"[-/_,()]+", " "),
)
_CC = re.compile(r"cc (by(?: (?:nc|sa|nd))*)(?: licen[cs]e)? v?(\d\.\d)(?: (?:unported|international|generic))?")
_CC0 = re.compile(r"(?:cc ?0|cc zero|zero)(?: v?1\.0)?(?: universal)?(?: public domain dedication)?")
_CLOSING = re.compile(r"(?: (?:international )?(?:public )?licen[cs]e(?: agreement)?)$")
_OTHERS = (
    (re.compile(r"tcia (?:no commercial )?limited(?: access)?"), TCIA_LIMITED),
    (re.compile(r"tcia restricted"), TCIA_RESTRICTED),
    (re.compile(r"(?:tcia )?data usage polic(?:y|ies)(?: and restrictions)?"), TCIA_POLICY),
    (re.compile(r"nih controlled data access(?: policy)?"), NIH_CONTROLLED),
    (re.compile(r"nctn(?: ncorp)?(?: data archive)?(?: data use agreement)?"), NCTN),
)


def licence_of(text: str | None) -> Licence:
    """Give the licence that a name, SPDX identifier or address stands for.

    Spellings differ in case, dashes and closing words (``CC-BY-4.0``, ``Creative Commons Attribution 4.0 International
    License``). Whatever is not surely one of `LICENCES`, nothing at all included, gives a licence that is not known.
    """
    stated = " ".join((text or "").split())
    if stated in _BY_NAME:
        return _BY_NAME[stated]
    plain = _plain(stated)
    if found := _CC.fullmatch(plain):
        terms = {term.upper() for term in found[1].split()}
        same = [name for name in _CC_TITLES if set(name.split("-")) == terms]
        return _BY_NAME.get(f"CC {same[0]} {found[2]}", unknown(stated)) if same else unknown(stated)
    if _CC0.fullmatch(plain):
        return CC0
    return next((licence for pattern, licence in _OTHERS if pattern.fullmatch(plain)), unknown(stated))


def unknown(text: str) -> Licence:
    """Give the licence of unknown content that `text` names; empty text: none was stated."""
    name = text or "no licence stated"
    return Licence(name, name, "", None, Restriction.UNKNOWN, needs_agreement=True)


def most_restrictive(licences: Iterable[Licence]) -> Licence:
    """Give the licence that decides over a mixture; of no licence at all, one that is not known.

    Of two equal ones the older version counts: Creative Commons 3.0 ends for good with a breach, 4.0 (section 6b)
    comes back once it is cured.
    """
    ordered = sorted(licences, key=lambda licence: (-licence.restriction, licence.name))
    return ordered[0] if ordered else unknown("")


def _plain(text: str) -> str:
    plain = text.lower()
    for pattern, words in _CC_WORDS:
        plain = re.sub(pattern, words, plain)
    return _CLOSING.sub("", " ".join(plain.split()))
