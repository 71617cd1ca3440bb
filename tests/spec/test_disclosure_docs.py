# SPDX-License-Identifier: Apache-2.0
"""The pages on disclosure and release show the rules and states that run, and every rule named is described."""

import pytest

from tests.disclosure_rows import RULES
from tests.spec.disclosure_docs import DOCS, PAGES, with_generated


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_generated_part_of_a_page_is_what_the_data_files_say(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert with_generated(page, text) == text, "run: PYTHONPATH=src python -m tests.spec.disclosure_docs"
    assert PAGES[page] in text


def test_every_rule_applied_to_a_type_is_described_with_source_and_date() -> None:
    applied = {name for entry in RULES["types"].values() for name in entry["rules"]}
    assert applied == set(RULES["rules"])
    assert all({"en", "fr", "source", "date"} == set(entry) for entry in RULES["rules"].values())
