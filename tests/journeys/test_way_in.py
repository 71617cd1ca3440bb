# SPDX-License-Identifier: Apache-2.0
"""The way in on the command line: an application goes from hand to hand, and only what was agreed on becomes a dataset."""

import re
from pathlib import Path

from tests.journeys.house import EXAMPLES, House, edited

PERMIT = "P-2026-0001"


def application(house: House, *changes: tuple[str, str]) -> Path:
    """The example's application beside the warehouse, with texts replaced."""
    text = (EXAMPLES / "glitazones" / "application.toml").read_text(encoding="utf-8")
    return house.write("application.toml", edited(text, *changes))


def step(house: House, act: str, *by: str, **facts: str) -> dict[str, object]:
    """An act that must go well."""
    keys = [word for person in by for word in ("--by", str(house.key(person)))]
    said = [word for name, text in facts.items() for word in (f"--{name}", text)]
    return house.told("permit", "step", PERMIT, act, *keys, *said)


def stopped_and_opened(house: House) -> None:
    """A study is refused while its project is suspended, and while everything is frozen; nothing else than two officers opens it."""
    words = ("--role", "officer", "--by", house.key("officer"), "--key", house.key("second"))
    house.told("person", "add", "second", *words)
    study, officers = house.example("study"), ("--by", house.key("officer"), "--by", house.key("second"))
    for what, code in ((PERMIT, "grant-project-shut"), ("all", "grant-frozen")):
        house.told("permit", "suspend", what, "--by", house.key("bob"), "--reason", "a look")
        refused = house.call("--json", "study", "run", study, "--key", house.key("alice"))
        assert (refused.code, refused.error["code"]) == (10, code)
        one = house.call("--json", "permit", "resume", what, "--by", house.key("officer"), "--reason", "alone")
        assert one.error["code"] == ("project-signers" if what == PERMIT else "freeze-signers")
        house.told("permit", "resume", what, *officers, "--reason", "nothing found")
    assert house.told("permit", "show", PERMIT)["state"] == "active"


def test_an_application_goes_from_hand_to_hand_to_a_dataset(new_house: House, small_delivery: Path) -> None:
    house = new_house
    house.told("ingest", small_delivery)
    permit = house.example("permit")
    incomplete = application(house, ('assessment = "invented', '# assessment = "invented'))
    filed = house.told("permit", "apply", incomplete, "--key", house.key("alice"))
    assert (filed["state"], filed["turn"]) == ("submitted", "secretariat")
    assert filed["lacks"] == [{"field": "ethics.assessment", "letter": "j"}]
    refused = house.call("--json", "permit", "step", PERMIT, "complete", "--by", house.key("officer"))
    assert (refused.code, refused.error["code"]) == (10, "application-incomplete")
    step(house, "incomplete", "officer", reason="no ethical assessment")
    house.told("permit", "apply", application(house), "--key", house.key("alice"))
    steps = [
        ("complete", ("officer",), {}),
        ("ask", ("claire",), {"reason": "which exclusions"}),
        ("answer", ("alice",), {"reason": "those of the protocol"}),
        ("favourable", ("claire",), {}),
        ("authorise", ("officer",), {"reference": "invented decision"}),
        ("agree", ("officer", "alice"), {}),
    ]
    for act, by, facts in steps:
        early = house.call("--json", "permit", "grant", permit, "--key", house.key("claire"))
        assert (early.code, early.error["code"]) == (10, "project-state"), act
        step(house, act, *by, **facts)
    beyond = house.example("permit", ('persons = ["alice"]', 'persons = ["alice", "frank"]'))
    wider = house.call("--json", "permit", "grant", beyond, "--key", house.key("claire"))
    assert (wider.code, wider.error["code"]) == (10, "permit-beyond")
    permit = house.example("permit")
    assert int(str(house.told("permit", "grant", permit, "--key", house.key("claire"))["persons"])) > 200
    now = house.told("permit", "show", PERMIT)
    assert now["state"] == "active"
    assert [one["act"] for one in now["acts"]][-1] == "provision"
    assert [one["clock"] for one in house.told("permit", "due")["clocks"]] == ["access-review"]
    stopped_and_opened(house)
    audited = house.call("audit", "verify")
    assert audited.code == 0, audited


def test_who_has_no_part_in_an_act_does_not_sign_it_and_both_languages_say_where_it_stands(new_house: House) -> None:
    house = new_house
    assert "no clock runs" in house.call("permit", "due").out
    told = [
        (("apply", application(house), "--key", house.key("dora")), "project-signers"),
        (("show", PERMIT), "project-missing"),
        (("step", PERMIT, "complete", "--by", house.key("officer")), "project-missing"),
    ]
    for words, code in told:
        assert house.call("--json", "permit", *words).error["code"] == code
    english = house.call("permit", "apply", application(house), "--key", house.key("alice"))
    assert "permit P-2026-0001: submitted; the next move is the secretariat's" in english.out
    french = house.call("permit", "show", PERMIT, lang="fr").out
    assert "à qui d'agir : le secrétariat" in french and "alice" in french
    assert re.search(
        r"P-2026-0001 +le secrétariat +complétude +\d{4}-\d\d-\d\d +7 +en cours",
        house.call("permit", "due", lang="fr").out,
    )
    later = [
        (("step", PERMIT, "complete", "--by", house.key("claire")), "project-signers"),
        (("step", PERMIT, "complete"), "project-by"),
        (("step", PERMIT, "provision", "--by", house.key("officer")), "project-act"),
        (("step", PERMIT, "favourable", "--by", house.key("claire")), "project-state"),
        (("step", PERMIT, "incomplete", "--by", house.key("officer")), "project-facts"),
        (("step", PERMIT, "complete", "--by", house.key("officer"), "--reason", "x"), "project-facts-unknown"),
        (("apply", application(house), "--key", house.key("alice")), "project-state"),
    ]
    for words, code in later:
        assert house.call("--json", "permit", *words).error["code"] == code
    forbidden = application(house, ('"public-health"]', '"marketing"]'), (PERMIT, "P-2026-0002"))
    assert house.call("--json", "permit", "apply", forbidden, "--key", house.key("alice")).error["code"] == (
        "purpose-forbidden"
    )
    assert house.call("audit", "verify").code == 0
