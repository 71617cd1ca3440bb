# SPDX-License-Identifier: Apache-2.0
"""Data files written by area are read as one: nothing that one file says is said again, or undone, by another."""

from typing import Any

import pytest

from rempart.adapters import package_data

WHOLE = ("audit/rules.toml", "keys/grants.toml", "locale/commands.en.toml", "locale/commands.fr.toml")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Files that stand in for those of the package, by path."""
    files: dict[str, dict[str, Any]] = {
        "keys/grants.toml": {"source": "x", "date": "d", "kinds": {"ingest": {"hours": 1}}}
    }
    monkeypatch.setattr(package_data, "toml", lambda path: files[path])
    monkeypatch.setattr(package_data, "names", lambda folder, suffix: sorted(path.partition("/")[2] for path in files))
    return files


def test_every_file_of_an_area_is_joined_without_a_key_given_twice() -> None:
    for path in WHOLE:
        assert package_data.joined(path)
    for language in ("en", "fr"):
        assert package_data.joined(f"locale/{language}.toml", f"errors-*.{language}.toml")["errors"]


def test_the_tables_of_an_area_stand_beside_those_of_the_first_file(shelf: dict[str, dict[str, Any]]) -> None:
    shelf["keys/grants-jobs.toml"] = {"source": "y", "date": "e", "kinds": {"code-job": {"hours": 2}}}
    found = package_data.joined("keys/grants.toml")
    assert found == {"source": "x", "date": "d", "kinds": {"ingest": {"hours": 1}, "code-job": {"hours": 2}}}


def test_a_key_given_twice_is_refused(shelf: dict[str, dict[str, Any]]) -> None:
    shelf["keys/grants-jobs.toml"] = {"kinds": {"ingest": {"hours": 2}}}
    with pytest.raises(ValueError, match=r"given twice: keys/grants-jobs\.toml: kinds: ingest: hours"):
        package_data.joined("keys/grants.toml")


def test_a_file_of_another_form_is_left_alone(shelf: dict[str, dict[str, Any]]) -> None:
    shelf["keys/grants2.toml"] = {"kinds": {"ingest": {"hours": 2}}}
    assert package_data.joined("keys/grants.toml") == shelf["keys/grants.toml"]
