# SPDX-License-Identifier: Apache-2.0
"""The documents stay true to the tree: links and paths lead somewhere, pictures are whole, one word names one thing."""

import re
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.law.test_words import read, texts
from tests.law.tree import ROOT, none

DOCS = ROOT / "docs"
LOCALE = ROOT / "src" / "rempart" / "locale"
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
# A path of the tree in back quotes: it has a slash, begins in a folder that we have, and holds no placeholder.
NAMED = re.compile(
    r"`((?:src|tests|docs|scripts|bench|requirements|[a-z_]+)/[\w./-]+\.(?:py|toml|sql|md|svg|sh|json))(?:::(\w+))?`"
)
COMMAND = re.compile(r"\{\w+\}|rempart (?:--\S+ )*[a-z]+(?: [a-z]+)?\b|--[a-z-]+|\b[\w/-]+\.(?:toml|md|json)\b|\[\w+\]")
TYPED = frozenset({"help.person.add.role"})  # lists words that are typed as they stand, in either language
PICTURES = ("the-way.svg", "the-way.fr.svg", "the-way-in.svg", "the-way-in.fr.svg")


def pages() -> list[Path]:
    """Every page that a reader may open."""
    return [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "DEVELOPMENT.md", *sorted(DOCS.rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """Names that the headings of a page can be linked by."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken_links(page: Path) -> Iterator[str]:
    """Relative links of a page that lead nowhere."""
    for target in LINK.findall(_prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{page.relative_to(ROOT)}: {target}"
        elif anchor and anchor not in anchors(file):
            yield f"{page.relative_to(ROOT)}: no heading {anchor} in {file.name}"


def _prose(text: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def lost_paths(page: Path) -> Iterator[str]:
    """Paths in back quotes that do not exist, and tests named after ``::`` that their file does not hold."""
    for path, test in NAMED.findall(page.read_text(encoding="utf-8")):
        found = [base / path for base in (ROOT, ROOT / "src" / "rempart", page.parent) if (base / path).exists()]
        if not found:
            yield f"{page.name}: {path} does not exist"
        elif test and f"def {test}(" not in found[0].read_text(encoding="utf-8"):
            yield f"{page.name}: {path} holds no {test}"


def test_every_link_of_every_page_leads_somewhere() -> None:
    assert len(pages()) > 8
    none([told for page in pages() for told in broken_links(page)])


def test_every_page_that_a_hint_or_a_comment_names_exists() -> None:
    files = [*pages(), *(path for suffix in ("py", "toml", "sql") for path in (ROOT / "src").rglob(f"*.{suffix}"))]
    named = {
        (file, name) for file in files for name in re.findall(r"\bdocs/[a-z-]+\.md", file.read_text(encoding="utf-8"))
    }
    assert len(named) > 10
    none(
        [
            f"{file.relative_to(ROOT)}: {name} does not exist"
            for file, name in sorted(named)
            if not (ROOT / name).exists()
        ]
    )


def test_a_link_that_leads_nowhere_is_caught(tmp_path: Path) -> None:
    page = ROOT / "docs" / "glossary.md"
    lost = tmp_path / "page.md"
    lost.write_text(
        f"[one](two.md) [three]({page}) [four]({page}#no-such) [web](https://example.org)\n", encoding="utf-8"
    )
    told = [target for target in LINK.findall(lost.read_text(encoding="utf-8")) if not (lost.parent / target).exists()]
    assert "two.md" in told
    assert "no-such" not in anchors(page)


@pytest.mark.parametrize("name", ["SECURITY.md", "docs/life-of-a-record.md"])
def test_every_file_and_test_that_a_page_names_exists(name: str) -> None:
    page = ROOT / name
    assert len(NAMED.findall(page.read_text(encoding="utf-8"))) > 15
    none(list(lost_paths(page)))


def test_a_lost_path_and_a_lost_test_are_caught(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`src/rempart/errors.py` `vault/nowhere.py` `tests/law/test_docs.py::test_nothing_of_the_kind`\n",
        encoding="utf-8",
    )
    assert len(list(lost_paths(page))) == 2


def test_every_claim_of_the_security_page_names_code_and_a_test() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = text.partition("| claim | code | test |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) > 15
    none([row for row in rows if len(NAMED.findall(row)) < 2 or not re.search(r"`tests/[\w/.-]+::\w+`", row)])


def test_every_decision_has_its_question_decision_rejections_and_consequences() -> None:
    records = sorted((DOCS / "adr").glob("*.md"))
    assert len(records) > 5
    parts = ("## Question", "## Decision", "## Rejected", "## What follows")
    none([f"{r.name}: no {p}" for r in records for p in parts if p not in r.read_text(encoding="utf-8")])
    assert len({record.name[:4] for record in records}) == len(records)


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_whole_and_says_what_it_shows(name: str) -> None:
    root = ET.parse(DOCS / "pictures" / name).getroot()
    space = {"svg": "http://www.w3.org/2000/svg"}
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.findtext("svg:title", namespaces=space)
    assert root.findtext("svg:desc", namespaces=space)
    assert root.get("lang") == ("fr" if ".fr." in name else "en")
    assert not root.findall(".//svg:image", space) and not root.findall(".//svg:script", space)


@pytest.mark.parametrize("name", [name for name in PICTURES if ".fr." not in name])
def test_both_pictures_say_as_much(name: str) -> None:
    counts = [
        len(list(ET.parse(DOCS / "pictures" / file).getroot().iter("{http://www.w3.org/2000/svg}text")))
        for file in (name, name.replace(".svg", ".fr.svg"))
    ]
    assert counts[0] == counts[1] > 30


def glossary() -> dict[str, tuple[str, str, str]]:
    """Word → (mot, meaning, sens)."""
    lines = (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")][1:]
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def word_rules() -> Mapping[str, Mapping[str, Any]]:
    """The rules of ``glossary.toml``."""
    rules: Mapping[str, Mapping[str, Any]] = tomllib.loads(
        (ROOT / "tests/law/glossary.toml").read_text(encoding="utf-8")
    )["words"]
    return rules


def test_the_glossary_has_each_word_once_in_order_and_in_two_languages() -> None:
    lines = (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ")][1:]
    found = glossary()
    assert len(found) == len(rows) > 60
    assert list(found) == sorted(found)
    assert len({mot for mot, _, _ in found.values()}) == len(found)
    assert all(all(cells) for cells in found.values())
    rules = word_rules()
    assert set(rules) <= set(found)
    none(
        [
            f"{word}: {found[word][0]} is not what the texts say"
            for word in rules
            if not re.search(rules[word]["french"], found[word][0])
        ]
    )


def pairs() -> Iterator[tuple[str, str, str]]:
    """(key, English text, French text) of everything that the locale files say."""
    for english in sorted(LOCALE.glob("*en.toml")):
        other = dict(texts(read(english.with_name(english.name.replace("en.toml", "fr.toml")))))
        for key, text in texts(read(english)):
            if key not in TYPED:
                yield f"{english.name} {key}", text, other.get(key, "")


def second_names(key: str, english: str, french: str, rules: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Where a text calls a thing by another name than the glossary's. Commands, options and file names are not words."""
    one, other = COMMAND.sub(" ", english), COMMAND.sub(" ", french)
    for word, rule in rules.items():
        if re.search(rf"\b(?:{rule['english']})(?!\w)", one, re.IGNORECASE) and not re.search(
            rule["french"], other, re.IGNORECASE
        ):
            yield f"{key}: {word} is not called {rule['french']}: {french}"
        for name, text in [
            *((n, one) for n in rule.get("not_english", ())),
            *((n, other) for n in rule.get("not_french", ())),
        ]:
            if re.search(rf"\b{name}\b", text, re.IGNORECASE):
                yield f"{key}: {name} is a second name for {word}"


def test_commands_and_errors_use_the_words_of_the_glossary() -> None:
    found = list(pairs())
    assert len(found) > 300
    none([told for key, english, french in found for told in second_names(key, english, french, word_rules())])


def test_a_second_name_is_caught_in_either_language() -> None:
    rules = word_rules()
    assert list(second_names("k", "the key broker is locked", "le gardien est fermé", rules))
    assert list(second_names("k", "give the password", "donnez la phrase secrète", rules))
    assert not list(second_names("k", "see rempart release list", "voyez rempart release list", rules))


def permit_page() -> str:
    """The page on permits."""
    return (DOCS / "permit.md").read_text(encoding="utf-8")


def test_the_permit_page_shows_every_table_and_column_that_there_is() -> None:
    tables = tomllib.loads((ROOT / "src/rempart/records/omop54.toml").read_text(encoding="utf-8"))["tables"]
    wanted = {(name, "main"): list(table["columns"]) for name, table in tables.items()}
    wanted |= {
        (name, part): list(columns)
        for name, table in tables.items()
        for part, columns in table.get("siblings", {}).items()
    }
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", permit_page(), re.MULTILINE)
    assert {(name, part): re.findall(r"`(\w+)`", columns) for name, part, columns in rows} == wanted


def test_the_permit_page_shows_every_table_without_persons() -> None:
    tables = tomllib.loads((ROOT / "src/rempart/records/omop54.toml").read_text(encoding="utf-8"))["whole"]
    rows = re.findall(r"^\| `(\w+)` \| (`[^|]+`) \|$", permit_page().partition("hold no person")[2], re.MULTILINE)
    assert {name: re.findall(r"`(\w+)`", columns) for name, columns in rows} == {
        n: list(t["columns"]) for n, t in tables.items()
    }


def test_the_permit_on_the_page_is_one() -> None:
    from rempart.records.permit import permit_from_dict

    (block,) = re.findall(r"^```toml\n(.*?)^```", permit_page(), re.MULTILINE | re.DOTALL)
    assert permit_from_dict(tomllib.loads(block)).id == "P-2026-0001"
