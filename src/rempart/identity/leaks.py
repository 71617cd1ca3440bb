# SPDX-License-Identifier: Apache-2.0
"""Direct identifiers in a text that should hold none: identity number with its control key, telephone, e-mail, address, name. Pure.

Says which kinds, never where or what. A name is found by what stands around it and by short lists: many are missed; the measured
share is in the tests. Reads no file. Every pattern is bounded: a text of n characters takes a time in proportion to n.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NIR, TELEPHONE, EMAIL, ADDRESS, NAME = "nir", "telephone", "email", "address", "name"
KINDS = (NIR, TELEPHONE, EMAIL, ADDRESS, NAME)

_NIR = re.compile(
    r"(?<![0-9A-Z])([123478][ .-]?[0-9]{2}[ .-]?(?:0[1-9]|1[0-2]|[2-9][0-9])[ .-]?(?:[0-9]{2}|2[AB])[ .-]?[0-9]{3}[ .-]?[0-9]{3})"
    r"[ .,/-]{0,8}(?:CLE ?:? ?)?([0-9]{2})(?![0-9])"
)
_KEY_BASE = 97
# In a name, thirteen figures that would be one without its key are enough.
_THIRTEEN = re.compile(r"(?<![0-9])[12378][0-9]{2}(?:0[1-9]|1[0-2]|[2-9][0-9])[0-9]{8}(?:[0-9]{2})?(?![0-9])")
_BETWEEN = re.compile(r"[^A-Z0-9']+")
_CORSICA = {"2A": "19", "2B": "18"}
_TELEPHONE = re.compile(
    r"(?<![0-9A-Z+])(?:(?:\+|00) ?33[ ._/-]?(?:\(0\)[ .-]?)?|0)[1-9](?:[ ._/-]?[0-9]{2}){4}(?![0-9])"
)
# One character of what stands before the sign says as much as all.
_EMAIL = re.compile(r"[A-Z0-9._%+-]@(?:[A-Z0-9-]{1,63}\.){1,8}[A-Z]{2,24}")
_NUMBER = r"(?<![0-9A-Z])[0-9]{1,4} ?(?:BIS|TER|QUATER|[A-D])?[ ,]{1,4}"
_ARTICLE = r"(?:DE LA |DE L'|DES |DE |DU |D'|LA |LES |LE |L'|AUX |AU )"
_WORD = r"[A-Z][A-Z'-]{1,40}"
# No longer piece of text is looked at at once; what lies on an edge lies whole in one of two pieces.
_WINDOW, _OVERLAP = 2048, 256
# What stands between words beside a blank, where programs join fields.
_JOINTS = str.maketrans("_|;\t\r\n", "      ")
_NAME_WORDS = 3
_AGED = re.compile(r"(?<![A-Z'-])(?P<first>[A-Z][A-Z'-]{1,40}) (?P<word>[A-Z][A-Z'-]{1,40}), ?[0-9]{1,3} ?ANS")
_FIGURES = 10
_FRACTION = re.compile(r"-?[0-9]{1,20}[.,][0-9]{1,20}")
_PLAIN_NAME = re.compile(r"[A-Z][A-Z' -]{2,29}")


@dataclass(frozen=True, slots=True)
class LeakFinder:
    """Compiled once from parsed ``leaks.toml``."""

    first_names: frozenset[str]
    surnames: frozenset[str]
    no_names: frozenset[str]
    columns: Mapping[str, str]
    titled: re.Pattern[str]
    announced: re.Pattern[str]
    street: re.Pattern[str]
    excused: re.Pattern[str]
    particle: re.Pattern[str]
    unsure: frozenset[str]
    plain_titles: frozenset[str]

    def column_kind(self, column: str) -> str:
        """The kind that every filled value of a column of that name is, '' where the name says nothing."""
        return self.columns.get(column.upper(), "")

    def kinds(self, text: str, *, alone: bool, named: str = "") -> frozenset[str]:
        """Kinds found in a text. ``alone``: words that are the whole text count as a name when one is a first name; ``named``: the
        kind that its column's name announces, believed of a text of that shape."""
        found: set[str] = set()
        for piece in _pieces(text):
            found |= self._of(piece, alone=alone and piece == text)
        if named and _SHAPES[named].fullmatch(folded(text).strip()):
            found.add(named)
        return frozenset(found)

    def in_name(self, name: str) -> bool:
        """Whether the name of a file or a column, words joined by whatever sign, holds an identifier."""
        plain = folded(name)[:_WINDOW]
        words = _BETWEEN.sub(" ", plain).strip()
        numbers = _TELEPHONE.search(plain) or _THIRTEEN.search(plain)
        titled = any(
            len(found["title"]) > 1 + (found["title"] not in self.plain_titles) and found["word"] not in self.no_names
            for found in self.titled.finditer(words)
        )
        return bool(numbers or titled or _has_nir(plain) or _has_email(plain) or self._listed(words, words, words))

    def _of(self, text: str, *, alone: bool) -> set[str]:
        plain = folded(text)
        found = {kind for kind, test in _TESTS.items() if test(plain)}
        # One character for each of the text's: places stay.
        plain, text = plain.translate(_JOINTS), text.translate(_JOINTS)
        for place in [place for place in self.street.finditer(plain) if self._is_street(text, plain, place)]:
            found.add(ADDRESS)
            # A street is often named after a person.
            plain = plain[: place.start()] + " " * (place.end() - place.start()) + plain[place.end() :]
        if self._names(text, plain, alone=alone):
            found.add(NAME)
        return found

    def _is_street(self, text: str, plain: str, place: re.Match[str]) -> bool:
        unsure = place.group("street") in self.unsure
        return not unsure or _capital(text, plain, place.start("word"))

    def _names(self, text: str, plain: str, *, alone: bool) -> bool:
        for found in (*self.titled.finditer(plain), *self.announced.finditer(plain)):
            small = found.groupdict().get("title") in self.plain_titles
            word = found.group("word")
            if word not in self.no_names and (small or _capital(text, plain, found.start("word"))):
                return True
        if any(
            text[place.start("first")].isupper() and text[place.start("word")].isupper()
            for place in _AGED.finditer(plain)
        ):
            return True
        kept = self.excused.sub(" ", plain)
        return self._listed(kept, text, plain) or (alone and self._whole(kept))

    def _listed(self, kept: str, text: str, plain: str) -> bool:
        words = re.findall(rf"{_WORD}|[^A-Z]+", self.particle.sub(" ", kept))
        for before, between, after in zip(words, words[1:], words[2:], strict=False):
            if between.strip(" ,") or not _both_words(before, after) or {before, after} & self.no_names:
                continue
            firsts = [self._first(word) for word in (before, after)]
            lasts = [word in self.surnames for word in (before, after)]
            if (firsts[0] and lasts[1]) or (firsts[1] and lasts[0]):
                return True
            if any(firsts) and _proper(text, plain, before) and _proper(text, plain, after):
                return True
        return False

    def _first(self, word: str) -> bool:
        return word in self.first_names or ("-" in word and all(part in self.first_names for part in word.split("-")))

    def _whole(self, plain: str) -> bool:
        words = plain.split()
        if not _PLAIN_NAME.fullmatch(plain.strip()) or not 1 < len(words) <= _NAME_WORDS or self.no_names & set(words):
            return False
        return any(map(self._first, words))


def leak_finder(parsed: Mapping[str, Any]) -> LeakFinder:
    """From parsed ``leaks.toml``."""
    titles, announced = _either(parsed["titles"]), _either(parsed["announced"])
    return LeakFinder(
        first_names=frozenset(parsed["lists"]["first_names"]),
        surnames=frozenset(parsed["lists"]["surnames"]),
        no_names=frozenset((*parsed["not_names"], *parsed["titles"], *parsed["announced"])),
        columns={column: kind for kind, columns in parsed["columns"].items() for column in columns},
        titled=re.compile(rf"(?<![A-Z0-9'-])(?P<title>{titles})\.? {{1,4}}(?P<word>{_WORD})"),
        announced=re.compile(rf"(?<![A-Z0-9'-])(?:{announced})(?:\(E\))? {{0,4}}(?:[:=] {{0,4}})?(?P<word>{_WORD})"),
        street=re.compile(
            rf"(?:{_NUMBER}(?P<street>{_either(parsed['street_words'])})\.? {{1,4}}{_ARTICLE}?|"
            rf"(?<![A-Z])(?:{_either(parsed['places'])}) {{1,4}})"
            rf"(?P<word>[A-Z0-9][A-Z0-9'-]{{0,40}})(?: {{1,4}}[A-Z][A-Z'-]{{1,40}}){{0,3}}"
        ),
        excused=re.compile(rf"(?<![A-Z'-])(?:{_either(parsed['not_after'])})(?: {{1,4}}{_ARTICLE}?{_WORD}){{1,3}}"),
        particle=re.compile(rf"(?<=[A-Z]) (?:{_either(parsed['particles'])})(?: |')(?=[A-Z])"),
        unsure=frozenset(parsed["unsure_streets"]),
        plain_titles=frozenset(parsed["plain_titles"]),
    )


def folded(text: str) -> str:
    """Capitals without accents, one character for each of the text's, so that places stay."""
    return text.upper() if text.isascii() else "".join(map(_fold, text))


def control_key(number: str) -> int:
    """The control key of 13 characters of an identity number, Corsica's letters read as INSEE does."""
    for letters, figures in _CORSICA.items():
        if number[5:7] == letters:
            number = number[:5] + figures + number[7:]
    return _KEY_BASE - int(number) % _KEY_BASE


def _pieces(text: str) -> Iterator[str]:
    yield text[:_WINDOW]
    for start in range(_WINDOW - _OVERLAP, len(text) - _OVERLAP, _WINDOW - _OVERLAP):
        yield text[start : start + _WINDOW]


@functools.lru_cache(maxsize=1 << 12)
def _fold(letter: str) -> str:
    if letter.isascii() or letter == "\u2019":
        return letter.upper() if letter != "\u2019" else "'"
    plain = unicodedata.normalize("NFKD", letter)[0].upper()
    return plain if len(plain) == 1 else letter


def _has_nir(plain: str) -> bool:
    for found in _NIR.finditer(plain):
        number = re.sub(r"[ .-]", "", found.group(1))
        if control_key(number) == int(found.group(2)):
            return True
    return False


def _has_telephone(plain: str) -> bool:
    """Ten figures and nothing else may be any number: there only the column's name tells. A fraction is no telephone."""
    whole = plain.strip()
    sure = not (len(whole) == _FIGURES and whole.isdigit()) and not _FRACTION.fullmatch(whole)
    return sure and bool(_TELEPHONE.search(plain))


def _has_email(plain: str) -> bool:
    return "@" in plain and bool(_EMAIL.search(plain))


_SHAPES = {
    NIR: re.compile(r"[0-9][0-9AB .-]{12,24}"),
    TELEPHONE: re.compile(r"[+0-9][0-9 ()./-]{8,20}"),
    EMAIL: re.compile(r".+@.+"),
    ADDRESS: re.compile(r"(?=.*[A-Z]{2}).* .*"),
    NAME: re.compile(r"[A-Z][A-Z' -]+"),
}
_TESTS = {NIR: _has_nir, TELEPHONE: _has_telephone, EMAIL: _has_email}


def _either(words: Sequence[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


def _both_words(before: str, after: str) -> bool:
    return len(before) > 1 and len(after) > 1 and before[0].isalpha() and after[0].isalpha()


def _capital(text: str, plain: str, place: int) -> bool:
    """A name is written with a capital, if the text uses small letters at all."""
    return text[place].isupper() or plain == text


def _proper(text: str, plain: str, word: str) -> bool:
    place = plain.find(word)
    return place >= 0 and text[place].isupper()
