# SPDX-License-Identifier: Apache-2.0
"""The policy of the house on the command line: shown, decided by two officers, decided anew, and found sound by the auditor."""

from tests.journeys.house import House

POLICY = """
schema = "rempart.policy/1"
version = 1
circuit = "full"
[ledger]
retain_days = 366
"""


def test_two_officers_decide_and_decide_anew(new_house: House) -> None:
    house = new_house
    shown = house.told("audit", "policy")
    assert (shown["version"], shown["values"]["circuit"], shown["values"]["ledger.retain_days"]) == (0, "short", 365)
    words = ("--role", "officer", "--by", house.key("officer"), "--key", house.key("second"))
    house.told("person", "add", "second", *words)
    file = house.write("policy.toml", POLICY)
    alone = house.call("--json", "audit", "policy", file, "--by", house.key("officer"))
    assert (alone.code, alone.error["code"]) == (10, "officers-two")
    assert house.call("--json", "audit", "policy", file).error["code"] == "policy-by"
    both = ("--by", house.key("officer"), "--by", house.key("second"))
    made = house.told("audit", "policy", file, *both)
    assert (made["version"], made["values"]["circuit"], made["values"]["ledger.retain_days"]) == (1, "full", 366)
    again = house.call("--json", "audit", "policy", file, *both)
    assert (again.code, again.error["code"]) == (10, "policy-version")
    house.told("audit", "policy", house.write("next.toml", 'schema = "rempart.policy/1"\nversion = 2\n'), *both)
    assert house.told("audit", "policy")["values"]["circuit"] == "short", "what a version leaves out is at its default"
    spoken = house.call("audit", "policy", lang="fr")
    assert "règles en vigueur : version 2" in spoken.out and "conservation des traces" in spoken.out
    assert house.told("audit", "verify")["findings"] == []
