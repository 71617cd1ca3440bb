# SPDX-License-Identifier: Apache-2.0
"""A corpus of files that must not leave as they are, and one of files that may: each rule at work, and no false alarm among the honest."""

import re
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.package_data import joined, toml
from rempart.disclosure.files import check_file, cleaned, look_at
from rempart.errors import Refused
from tests.hostile_files import HEX, NIR, File, harmless, hostile, plain, png, rewritten

RULES: dict[str, Any] = toml("disclosure/files.toml")
HOSTILE, HARMLESS, REWRITTEN = list(hostile()), list(harmless()), list(rewritten())


def test_the_corpora_are_large_enough_and_each_file_is_named_once() -> None:
    assert len(HOSTILE) >= 80 and len(HARMLESS) >= 40 and len(REWRITTEN) >= 20
    assert len({(what, name) for what, name, *_ in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("file", HOSTILE, ids=[what for what, *_ in HOSTILE])
def test_a_hostile_file_is_refused(file: File) -> None:
    _, name, kind, data = file
    assert "refused" in {item.verdict for item in check_file(name, data, kind, RULES)}
    with pytest.raises(Refused) as refusal:
        cleaned(name, data, kind, RULES)
    assert refusal.value.code == "disclosure-file"
    assert not re.search(f"{NIR}|{HEX}|calc", str(refusal.value.facts["rules"])), "no value is told"


@pytest.mark.parametrize("file", HARMLESS, ids=[what for what, *_ in HARMLESS])
def test_an_honest_file_passes_and_leaves_the_same_when_it_is_cleaned_twice(file: File) -> None:
    _, name, kind, data = file
    found = check_file(name, data, kind, RULES)
    assert not [item for item in found if item.verdict == "refused"]
    once = cleaned(name, data, kind, RULES)
    assert once and cleaned(name, once, kind, RULES) == once


@pytest.mark.parametrize("case", REWRITTEN, ids=[what for what, *_ in REWRITTEN])
def test_what_hides_beside_what_is_seen_does_not_leave(case: tuple[str, str, str, bytes, bytes]) -> None:
    what, name, kind, data, secret = case
    out = cleaned(name, data, kind, RULES)
    assert out != data and (not secret or secret not in out), what


def test_every_rule_of_the_file_is_at_work() -> None:
    files = [*HOSTILE, *HARMLESS]
    seen = {item.rule for _, name, kind, data in files for item in check_file(name, data, kind, RULES)}
    assert seen == set(RULES["rules"])


def test_the_threshold_is_that_of_the_tables() -> None:
    assert RULES["threshold"]["persons"] == joined("disclosure/rules.toml")["threshold"]["persons"]


@given(
    st.lists(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=5, max_size=5), min_size=1, max_size=6),
    st.integers(0, 4),
)
@settings(max_examples=30, deadline=None)
def test_a_picture_keeps_its_points_to_a_sixteenth_whatever_filter_wrote_it(
    rows: list[list[tuple[int, ...]]], how: int
) -> None:
    out = cleaned("figure.png", png(rows, how=how), "figure", RULES)
    width, height = struct.unpack(">II", out[16:24])
    assert (width, height) == (5, len(rows))
    raw = zlib.decompress(out[out.index(b"IDAT") + 4 : -16])
    seen = [raw[y * 16 + 1 : y * 16 + 16] for y in range(height)]
    told = [bytes(one for point in row for one in point) for row in rows]
    assert all(
        abs(a - b) <= 8 for left, right in zip(seen, told, strict=True) for a, b in zip(left, right, strict=True)
    )
    assert all(one % 17 == 0 for line in seen for one in line)


def test_what_lies_under_a_clear_point_does_not_leave() -> None:
    under = png([[(200, 10, 30, 0), (0, 0, 0, 255)]], colour=6)
    other = png([[(1, 2, 3, 0), (0, 0, 0, 255)]], colour=6)
    assert cleaned("a.png", under, "figure", RULES) == cleaned("a.png", other, "figure", RULES)
    assert cleaned("a.png", png(plain()), "figure", RULES) == cleaned("a.png", png(plain(), how=4), "figure", RULES)


def test_a_table_of_as_many_rows_as_persons_is_refused_when_that_is_known() -> None:
    data = b"age,n\n20-29,40\n30-39,50\n40-49,60\n"
    assert not check_file("a.csv", data, "table", RULES, units=150)
    assert {item.rule for item in check_file("a.csv", data, "table", RULES, units=3)} == {"row-level"}


def test_a_checker_reads_first_what_each_column_holds() -> None:
    data = b"age,n,m,x\n20-29,40,9,0.5\n30-39,suppressed,15,-2\n40-49,60,0,1.5\n"
    age, n, m, x = look_at("a.csv", data, "table", RULES).columns
    assert (age.type, age.distinct, n.type, n.hidden, n.least, n.most, n.total) == ("text", 3, "whole", 1, 40, 60, 100)
    assert (n.fives, n.midpoints, m.midpoints, m.least_above_zero, x.type, x.least) == (
        True,
        False,
        True,
        9,
        "number",
        -2,
    )


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.txt", "a.png", "a.py"]))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_answered_and_never_break_the_check(data: bytes, name: str) -> None:
    kind = {"csv": "table", "txt": "text", "png": "figure", "py": "code"}[name[2:]]
    found = check_file(name, data, kind, RULES)
    assert all(item.verdict in {"refused", "review"} for item in found)


@pytest.mark.parametrize("rule", sorted(name for name, one in RULES["rules"].items() if one["verdict"] == "refused"))
def test_without_any_one_rule_a_hostile_file_gets_through(rule: str) -> None:
    alone = [
        what
        for what, name, kind, data in HOSTILE
        if {item.rule for item in check_file(name, data, kind, RULES) if item.verdict == "refused"} == {rule}
    ]
    assert alone
