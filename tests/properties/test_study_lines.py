# SPDX-License-Identifier: Apache-2.0
"""Every error of a study file names its line: whatever way TOML writes a key, its line is found."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters import package_data
from rempart.adapters.toml_lines import lines_of, located
from rempart.errors import BadInput, RempartError
from rempart.records.study import study_or_problems
from rempart.wiring.study_files import judge_study

TEXT = package_data.text("examples/glitazones/study.toml")
NAMES = st.sampled_from(["a", "b1", "c-d", "e_f", "G", "9"])


class Writer:
    """Writes a value as TOML in one of its many ways and keeps the line of each key and item."""

    def __init__(self, data: st.DataObject) -> None:
        self.data, self.out, self.lines = data, [""], dict[str, int]()

    def pick(self, *choices: Any) -> Any:
        return self.data.draw(st.sampled_from(choices))

    def put(self, text: str) -> None:
        first, *rest = text.split("\n")
        self.out[-1] += first
        self.out += rest

    def space(self, *, lines: bool) -> None:
        self.put(self.pick("", " ", "\t", "  ") if not lines else self.pick("", " ", "\n", " # [x] = {y}\n ", "\n\n"))

    def key(self, name: str, path: str) -> None:
        self.lines[path] = len(self.out)
        self.put(self.pick(name, f'"{name}"', f"'{name}'"))

    def value(self, value: Any, path: str) -> None:
        if isinstance(value, list):
            self.put("[")
            for place, item in enumerate(value, 1):
                self.space(lines=True)
                self.lines[f"{path}[{place}]"] = len(self.out)
                self.value(item, f"{path}[{place}]")
                self.space(lines=True)
                self.put("," if place < len(value) or self.pick(True, False) else "")
            self.space(lines=True)
            self.put("]")
        elif isinstance(value, dict):
            self.put("{ ")
            for place, (name, item) in enumerate(value.items()):
                self.put(", " if place else "")
                self.pair(name, item, f"{path}.{name}")
            self.put(" }")
        else:
            self.put(
                self.pick(
                    str(value),
                    '"x]}#"',
                    "'[{'",
                    '"""a\n[b]\n"""',
                    "'''\n\"c = 1'''",
                    '"\\"]"',
                    "1979-05-27 07:32:00",
                    "true",
                )
            )

    def pair(self, name: str, value: Any, path: str) -> None:
        self.key(name, path)
        self.space(lines=False)
        self.put("=")
        self.space(lines=False)
        self.value(value, path)

    def table(self, table: dict[str, Any], path: str) -> None:
        """Plain pairs first, then tables under headers or dotted keys, then lists of tables."""
        for name, item in table.items():
            if not isinstance(item, dict) and not self.of_tables(item):
                self.pair(name, item, f"{path}.{name}".lstrip("."))
                self.space(lines=False)
                self.put(self.pick("\n", " # c = [\n", "\n\n"))
        for name, item in table.items():
            inner = f"{path}.{name}".lstrip(".")
            held = item if self.of_tables(item) else [item] if isinstance(item, dict) else []
            for place, one in enumerate(held, 1):
                own = f"{inner}[{place}]" if self.of_tables(item) else inner
                marks = ("[[", "]]") if self.of_tables(item) else ("[", "]")
                header = ".".join(part.split("[")[0] for part in inner.split("."))
                self.lines[own] = len(self.out)
                if place == 1:
                    self.lines[inner] = len(self.out)
                self.put(f"{marks[0]}{header}{marks[1]}{self.pick('', ' # d')}\n")
                self.table(one, own)

    @staticmethod
    def of_tables(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


VALUES = st.recursive(
    st.integers(0, 99),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.data())
@settings(max_examples=150, deadline=None)
def test_every_key_and_item_is_found_on_its_line(table: dict[str, Any], data: st.DataObject) -> None:
    writer = Writer(data)
    writer.table(table, "")
    text = "\n".join(writer.out)
    tomllib.loads(text)
    assert lines_of(text, writer.lines) == writer.lines


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("permit", "permit ="), ("protocol.grace_days", "[protocol]"), ("codes.pioglitazone.include[2]", "include = "),
        ("codes.pioglitazone.none", "[codes.pioglitazone]"), ("cohorts.main.exclude[1].days", "exclude = [{"),
        ("analyses[5].parameters.ties", "parameters = { ties"), ("analyses[9].id", "[[analyses]]"), ("nothing", None), ("", None),
    ],
)  # fmt: skip
def test_a_path_that_is_not_there_is_told_by_what_is_around_it(path: str, shown: str | None) -> None:
    found = lines_of(TEXT, [path])
    assert shown is None or TEXT.splitlines()[found[path] - 1].startswith(shown)
    assert (shown is None) == (found == {})


def test_dotted_keys_and_subtables_of_lists_are_found() -> None:
    text = (
        'a.b.c = 1\n"x.y" = 2\n[[t]]\nk.l = [\n 1,\n 2]\n[t.u]\nv = 1\n[[t]]\n[t.u]\nv = 2\n[[t.w]]\n[[t.w]]\nz = 1\n'
    )
    wanted = {
        "a.b": 1,
        "a.b.c": 1,
        "x.y": 2,
        "t[1].k.l[2]": 6,
        "t[1].u.v": 8,
        "t[2].u.v": 11,
        "t[2].w[2].z": 14,
        "t[2].w[2]": 13,
    }
    assert lines_of(text, wanted) == wanted


def test_all_that_is_wrong_is_told_at_once_each_with_its_line_in_order(tmp_path: Path) -> None:
    text = (
        TEXT.replace('estimand = "initiation"', 'estimand = "initation"')
        .replace("lag_days = 30", "lagg_days = 30")
        .replace('"3400935563538"', '"C67"')
        .replace("washout_days = 365", "washout_days = -1")
        .replace("bands = [50,", "bands = [90,")
        .replace('ties = "efron"', 'ties = "efrom"')
    )
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    found, problems = judge_study(tmp_path / "s.toml")
    assert found is None
    told = [(error.facts["line"], error.facts.get("near", "")) for error in problems]
    lines = {
        text.count("\n", 0, text.index(mark)) + 1
        for mark in ("initation", "lagg_days", '"C67"', "= -1", "[90", "efrom")
    }
    assert {line for line, _ in told} == lines
    assert [line for line, _ in told] == sorted(line for line, _ in told)
    assert {near for _, near in told} == {"", "initiation", "lag_days", "efron"}
    assert all(str(error.facts["file"]) == f"s.toml:{error.facts['line']}" for error in problems)


def test_a_window_past_time_zero_names_its_line_too(tmp_path: Path) -> None:
    text = TEXT.replace("days = [-365, 0]", "days = [-365, 5]")
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    ((error,),) = (judge_study(tmp_path / "s.toml")[1],)
    assert (error.code, error.facts["line"]) == (
        "reads-after-time-zero",
        text[: text.index("[-365, 5]")].count("\n") + 1,
    )


def test_an_error_without_a_path_keeps_its_words() -> None:
    (error,) = located([BadInput("file-missing", file="a")], "x = 1\n", file="a")
    assert error.facts == {"file": "a"}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_error_of_a_changed_file_has_a_line(data: st.DataObject) -> None:
    lines = TEXT.splitlines()
    keyed = [
        place for place, line in enumerate(lines) if " = " in line and not line.startswith(("title", "question", "#"))
    ]
    place = data.draw(st.sampled_from(keyed))
    name, _, value = lines[place].partition(" = ")
    lines[place] = data.draw(
        st.sampled_from([f"{name} = {{}}", f"{name}x = {value}", f"{name} = -7", f'{name} = "?"', ""])
    )
    text = "\n".join(lines)
    problems: list[RempartError] = study_or_problems(tomllib.loads(text), file="s.toml")[1]
    for error in located(problems, text, file="s.toml"):
        assert "line" in error.facts or error.facts.get("field") in {"permit", "schema"}, error
