# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/hosts.md are files that the program reads, and the rules say of each what the page says."""

import tomllib
from typing import Any

import pytest

from rempart.adapters.host_connection import connection_from_dict
from rempart.hosts.guard import judge
from rempart.records.descriptor import HOST, NODE
from rempart.records.descriptor_form import declaration_from
from tests.spec.host_rules_page import DOCS, ON, RULES

HOSTS = ("ovhcloud", "scaleway", "outscale", "azure", "own-minio", "own-ceph")
CONFIRMED = {"activities": [1, 2, 3, 4, 5, 6], "until": "2028-01-01"}
OWNERS = [{"holder": "Holder", "country": "FR", "share": 90}]


def example(name: str) -> dict[str, Any]:
    """An example as TOML."""
    return tomllib.loads((DOCS / "hosts" / f"{name}.toml").read_text(encoding="utf-8"))


def profile(name: str, **confirmed: Any) -> str:
    """What an example's host may hold, with placeholders replaced."""
    told = {key: value for key, value in example(name).items() if key != "connection"}
    declaration = declaration_from({**told, **confirmed}, schema=HOST, file=name)
    assert declaration.name == name
    return judge(declaration, RULES, ON).profile


@pytest.mark.parametrize("name", HOSTS)
def test_an_example_may_hold_what_the_page_says(name: str) -> None:
    own = name.startswith("own-")
    assert profile(name) == ("everything" if own else "nothing")
    row = next(
        line for line in (DOCS / "hosts.md").read_text(encoding="utf-8").splitlines() if f"hosts/{name}.toml" in line
    )
    assert row.split("|")[3].strip() == profile(name)


@pytest.mark.parametrize("name", ["ovhcloud", "scaleway", "outscale"])
def test_a_provider_of_the_union_may_hold_everything_once_certificate_and_owners_are_confirmed(name: str) -> None:
    assert profile(name, hds={**CONFIRMED, "activities": [1, 2, 3, 6]}, ownership=OWNERS) == "ciphertext"
    assert profile(name, hds=CONFIRMED) == "ciphertext"
    assert profile(name, hds=CONFIRMED, ownership=OWNERS) == "everything"


def test_a_provider_under_foreign_law_may_never_hold_more_than_ciphertext() -> None:
    assert profile("azure", hds=CONFIRMED) == "ciphertext"
    told = {key: value for key, value in example("azure").items() if key != "connection"} | {"hds": CONFIRMED}
    for safeguards, expected in (([], "nothing"), (["US"], "ciphertext")):
        declaration = declaration_from({**told, "safeguards": safeguards}, schema=HOST, file="azure")
        assert judge(declaration, RULES, ON, without={"eu-us-adequacy"}).profile == expected


@pytest.mark.parametrize("name", HOSTS)
def test_a_connection_of_an_example_is_one_and_holds_no_secret(name: str) -> None:
    connection = connection_from_dict(example(name)["connection"])
    assert connection.kind in {"s3", "azure"}
    assert not connection.endpoint or connection.endpoint.startswith("https://")


def test_the_node_of_the_page_may_compute() -> None:
    assert judge(declaration_from(example("node"), schema=NODE, file="node"), RULES, ON).profile == "everything"
