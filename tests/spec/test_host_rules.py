# SPDX-License-Identifier: Apache-2.0
"""What a host or a node may hold: a table that a lawyer can read, one line a case, and the rules that it shows.

``CASES`` is also printed in docs/hosts.md (``PYTHONPATH=src python -m tests.spec.host_rules_page``).
"""

import datetime
import tomllib
from pathlib import Path

import pytest

from rempart.errors import BadInput, NotTrusted, Refused
from rempart.hosts.guard import QUESTIONS, check_compute, check_store, judge
from rempart.records.canonical import canonical_bytes, parse_canonical
from rempart.records.descriptor import HOST, NODE, HostDescriptor, NodeDescriptor, own_declaration
from rempart.records.descriptor_form import declaration_from, host_from_body, node_from_body
from tests.spec.host_rules_page import CASES, DOCS, ON, RULES, base, case, with_generated

KEYS = {"kem": "X25519", "hpke": "AAAA", "signing": "A" * 43 + "="}


@pytest.mark.parametrize("number", range(len(CASES)), ids=[title for title, *_ in CASES])
def test_each_line_of_the_table_holds(number: int) -> None:
    _, change, without, profile, rules = CASES[number]
    found = judge(case(change), RULES, ON, without=frozenset(without))
    assert (found.profile, {item.rule for item in found.findings}) == (profile, set(rules))


def test_every_rule_of_the_table_is_met_by_one_case_and_broken_by_another() -> None:
    broken = {rule for *_, rules in CASES for rule in rules}
    assert broken == {rule.id for rule in RULES.rules}
    assert {rule.ask for rule in RULES.rules} == set(QUESTIONS)


def test_every_rule_cites_a_text_and_says_how_it_was_read() -> None:
    for rule in RULES.rules:
        assert rule.cites
        assert set(rule.demands) == set(rule.found) == set(rule.sure) == {"en", "fr"}
        assert '"' not in rule.cites and "«" not in rule.cites


def test_the_page_shows_the_rules_and_the_cases_that_run() -> None:
    text = (DOCS / "hosts.md").read_text(encoding="utf-8")
    assert with_generated(text) == text, "run: PYTHONPATH=src python -m tests.spec.host_rules_page"


def test_an_end_is_told_ninety_days_before_and_refused_after() -> None:
    told = base(authorisations=[{"name": "three years", "until": "2027-02-01"}])
    for day, warned, profile in [
        ("2026-11-03", False, "everything"),
        ("2026-11-04", True, "everything"),
        ("2027-02-01", True, "everything"),
        ("2027-02-02", False, "nothing"),
    ]:
        found = judge(told, RULES, datetime.date.fromisoformat(day))
        assert ([end.what for end in found.warnings] == ["three years"], found.profile) == (warned, profile)


def test_a_node_gets_no_key_unless_it_may_hold_everything() -> None:
    good = NodeDescriptor(declaration=base(), **KEYS)
    check_compute(good.body, ON, RULES)
    bad = NodeDescriptor(declaration=base(laws=["EU: GDPR", "US: CLOUD Act"]), **KEYS)
    with pytest.raises(Refused) as caught:
        check_compute(bad.body, ON, RULES)
    assert caught.value.code == "compute-foreign-law"
    assert caught.value.facts["rule"] == "law-outside-eu" and caught.value.facts["node"] == "example"
    assert "EDPB" in str(caught.value.facts["citation"])


def test_every_case_that_may_not_hold_everything_is_refused_keys_and_every_nothing_is_refused_bytes() -> None:
    for title, change, without, profile, _ in CASES:
        if without:
            continue
        node = NodeDescriptor(declaration=case(change), **KEYS)
        host = HostDescriptor(declaration=case(change))
        assert _refused(lambda n=node: check_compute(n.body, ON, RULES)) == (profile != "everything"), title
        assert _refused(lambda h=host: check_store(h.body, ON, RULES)) == (profile == "nothing"), title


def _refused(act: object) -> bool:
    try:
        act()  # type: ignore[operator]
    except Refused:
        return True
    return False


def test_the_controllers_own_machine_may_hold_everything_until_its_declaration_ends() -> None:
    valid = (ON, ON + datetime.timedelta(days=90))
    told = own_declaration(name="here", operator="Essai", country="FR", valid=valid)
    assert judge(told, RULES, ON).profile == "everything"
    assert judge(told, RULES, ON + datetime.timedelta(days=91)).profile == "nothing"
    abroad = own_declaration(name="here", operator="Essai", country="US", valid=valid)
    assert judge(abroad, RULES, ON).profile == "nothing"


def test_a_body_reads_back_as_it_was_signed() -> None:
    told = case(CASES[-1][1])
    host, node = HostDescriptor(declaration=told), NodeDescriptor(declaration=told, **KEYS)
    assert host_from_body(parse_canonical(canonical_bytes(host.body), what="host")) == host
    assert node_from_body(parse_canonical(canonical_bytes(node.body), what="node")) == node


def test_a_body_of_another_schema_or_with_a_key_of_another_length_is_not_trusted() -> None:
    host = HostDescriptor(declaration=base())
    with pytest.raises(NotTrusted):
        node_from_body(host.body)
    node = NodeDescriptor(declaration=base(), **KEYS)
    with pytest.raises(NotTrusted):
        node_from_body({**node.body, "keys": {**KEYS, "signing": "AAAA"}})
    with pytest.raises(NotTrusted):
        host_from_body({**host.body, "more": 1})


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("colour = 1", "colour"),
        ('hds = { activities = [2, 1], until = "2027-01-01" }', "hds.activities"),
        ("hds = { activities = [1], until = 2027-01-01, level = 2 }", "hds.level"),
        ('ownership = [{ holder = "A", country = "France", share = 10 }]', "ownership.country"),
        ('ownership = [{ holder = "A", country = "FR", share = 101 }]', "ownership.share"),
        ('ownership = [{ holder = "A", country = "FR", share = nan }]', "ownership.share"),
        ('safeguards = "US"', "safeguards"),
        ('own = "yes"', "own"),
    ],
)
def test_a_file_that_says_something_else_is_bad_input_with_its_field(line: str, field: str) -> None:
    text = (
        f'{line}\nschema = "{HOST}"\nname = "a"\noperator = "A"\nseat = "FR"\nstorage_countries = ["FR"]\n'
        'access_countries = ["FR"]\nlaws = ["FR"]\nvalid = [2026-01-01, 2027-01-01]\n'
    )
    with pytest.raises(BadInput) as caught:
        declaration_from(tomllib.loads(text), schema=HOST, file="a.toml")
    assert caught.value.facts["file"] == "a.toml"
    assert field in {caught.value.facts.get("field"), caught.value.facts.get("key")}


def test_a_file_without_a_needed_field_or_of_another_schema_is_bad_input() -> None:
    for change in ({"valid": None}, {"schema": NODE}):
        told = {"schema": HOST, **base().as_dict(), **change}
        told = {name: value for name, value in told.items() if value is not None}
        with pytest.raises(BadInput):
            declaration_from(told, schema=HOST, file="a.toml")


def test_the_page_lies_where_the_hints_say() -> None:
    assert Path(DOCS / "hosts.md").is_file()
