# SPDX-License-Identifier: Apache-2.0
"""Rule parameters that the units held were not read under are refused, even where nothing would be read or made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.warehouse.place import Place
from tests.ingest_house import empty_warehouse
from tests.small_delivery import whole, write


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A warehouse of one small delivery, read under the rules as they come, and a file with another parameter."""
    write(tmp_path / "small", whole())
    (tmp_path / "rules.toml").write_text("[parameters]\nduplicate_facilities_until = 2012\n", encoding="utf-8")
    with empty_warehouse(tmp_path) as made:
        assert made.run("ingest", str(tmp_path / "small")).code == 0
        yield made


def test_other_parameters_are_refused_where_nothing_is_new(place: Place) -> None:
    delivery, rules = str(place.root / "small"), str(place.root / "rules.toml")
    assert place.run("ingest", delivery, "--rules", rules).error == "rules-mixed"
    assert place.run("vault", "compact", "--rules", rules).error == "rules-mixed"
    assert place.run("ingest", delivery, "--rules", rules, "--replace").code == 0
    assert place.run("vault", "compact", "--rules", rules).code == 0
    assert place.run("vault", "compact").code == 0, "without a file, those of the ingest"
    assert place.run("ingest", delivery).error == "rules-mixed"
