# SPDX-License-Identifier: Apache-2.0
"""The way in on the command line: an application goes from hand to hand, and only what was agreed on becomes a dataset."""

import csv
import datetime
import json
import re
from pathlib import Path
from xml.etree import ElementTree

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


def permit_file(house: House, *changes: tuple[str, str]) -> Path:
    """The example's permit, which gives days of care."""
    return house.example(
        "permit",
        ("[rows]", 'fees = "none"\n\n[identifiers]\ncare-days = "intervals between supplies"\n\n[rows]'),
        *changes,
    )


CHARTER = "sha256:" + "c" * 64
POLICY = f"""schema = "rempart.policy/1"
version = 1
circuit = "full"
[persons]
charter = "{CHARTER}"
training_months = 12
[permits]
approvals = ["cnil"]
[register]
before_opening = true
"""
DECISION = """schema = "rempart.system-approval/1"
what = "cnil"
reference = "invented decision 2026-002"
from = 2026-01-01
until = {until}
"""


def decided(house: House) -> None:
    """The house's policy asks for everything; no dataset before a decision on the warehouse stands."""
    words = ("--role", "officer", "--by", house.key("officer"), "--key", house.key("second"))
    house.told("person", "add", "second", *words)
    both = ("--by", house.key("officer"), "--by", house.key("second"))
    house.told("audit", "policy", house.write("policy.toml", POLICY), *both)
    grant = ("--json", "permit", "grant")
    refused = house.call(*grant, permit_file(house), "--key", house.key("claire"))
    assert refused.error["code"] == "grant-approval"
    soon = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=30)
    house.told("permit", "approve", house.write("cnil.toml", DECISION.format(until=soon)), *both)
    unsaid = house.call(
        *grant, house.example("permit", ("[rows]", 'fees = "none"\n\n[rows]')), "--key", house.key("claire")
    )
    assert unsaid.error["code"] == "permit-identifiers-unsaid"
    assert "the decision cnil on the warehouse ends in 30 days" in house.call("permit", "due").out


def opened(house: House) -> None:
    """The public entry, the opening, the charter and the training: each is missed by its own code."""
    officer = ("--by", house.key("officer"))
    early = house.call("--json", "permit", "step", PERMIT, "activate", *officer)
    assert early.error["code"] == "grant-no-entry"
    entry = house.told("permit", "register", PERMIT, *officer)
    assert (entry["project"], entry["reference"], "alice" in str(entry)) == ("glitazones", "invented decision", False)
    study = house.example("study")
    closed = house.call("--json", "study", "run", study, "--key", house.key("alice"))
    assert closed.error["code"] == "grant-project-shut"
    step(house, "activate", "officer")
    attest = ("permit", "attest", "alice", "--what")
    for what, by, text in (("charter", "alice", CHARTER), ("training", "officer", "SNDS 2026")):
        early = house.call("--json", "study", "run", study, "--key", house.key("alice"))
        assert (early.code, early.error["code"]) == (10, "grant-attested")
        house.told(*attest, what, "--by", house.key(by), "--text", text)


def amended(house: House) -> None:
    """A version without alice shuts her out, one that gives more is refused, a renewal moves the last day."""
    first = house.told("permit", "check", permit_file(house))["id"]
    second = ('persons = ["alice"]', f'version = 2\namends = "{first}"\npersons = ["dora"]')
    told = house.told("permit", "amend", permit_file(house, second), "--key", house.key("claire"))
    assert told["version"] == 2
    study = house.example("study")
    shut = house.call("--json", "study", "run", study, "--key", house.key("alice"))
    assert shut.error["code"] == "permit-person"
    third = (second[0], f'version = 3\namends = "{told["id"]}"\npersons = ["dora", "alice"]')
    wider = permit_file(house, third, ("lookback = 20", "lookback = 19"))
    refused = house.call("--json", "permit", "amend", wider, "--key", house.key("claire"))
    assert refused.error["code"] == "amend-widens"
    no_renewal = house.call("--json", "permit", "renew", permit_file(house, third), "--key", house.key("claire"))
    assert no_renewal.error["code"] == "renew-changes"
    assert house.told("permit", "amend", permit_file(house, third), "--key", house.key("claire"))["version"] == 3


def stopped_and_opened(house: House) -> None:
    """A study is refused while its project is suspended, and while everything is frozen; nothing else than two officers opens it."""
    study, officers = house.example("study"), ("--by", house.key("officer"), "--by", house.key("second"))
    for what, code in ((PERMIT, "grant-project-shut"), ("all", "grant-frozen")):
        house.told("permit", "suspend", what, "--by", house.key("bob"), "--reason", "a look")
        refused = house.call("--json", "study", "run", study, "--key", house.key("alice"))
        assert (refused.code, refused.error["code"]) == (10, code)
        one = house.call("--json", "permit", "resume", what, "--by", house.key("officer"), "--reason", "alone")
        assert one.error["code"] == ("project-signers" if what == PERMIT else "freeze-signers")
        house.told("permit", "resume", what, *officers, "--reason", "nothing found")
    assert house.told("permit", "show", PERMIT)["state"] == "active"


INCIDENT = """schema = "rempart.incident/1"
id = "I-2026-0001"
version = {version}
what = "a key file in a mailbox"
found = {found}
breach = true
{more}
"""


def published(house: House) -> None:
    """Everybody reads of the project and nobody of its persons; an incident has its clocks."""
    assert "no incident was written down" in house.call("audit", "incident").out
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    found = (now - datetime.timedelta(hours=30)).isoformat()
    first = house.write("incident.toml", INCIDENT.format(version=1, found=found, more=""))
    assert (
        house.call("--json", "audit", "incident", first, "--by", house.key("alice")).error["code"] == "incident-signer"
    )
    told = house.told("audit", "incident", first, "--by", house.key("officer"))
    assert [(one["clock"], one["status"]) for one in told["clocks"]] == [
        ("first", "overdue"),
        ("authority", "runs"),
        ("final", "runs"),
    ]
    again = house.call("--json", "audit", "incident", first, "--by", house.key("officer"))
    assert again.error["code"] == "incident-version"
    met = f"told_first = {now.isoformat()}\ntold_authority = {now.isoformat()}"
    second = house.write("incident.toml", INCIDENT.format(version=2, found=found, more=met))
    told = house.told("audit", "incident", second, "--by", house.key("officer"))
    assert [(one["clock"], one["status"]) for one in told["clocks"]] == [
        ("first", "late"),
        ("authority", "met"),
        ("final", "runs"),
    ]
    assert "tenu trop tard" in house.call("audit", "incident", lang="fr").out

    public = house.warehouse / "public"
    told = house.told("audit", "publish")
    assert len(told["files"]) == 6 and "cosigned" not in told["heads"] and "period_verified" not in told["heads"]
    register = json.loads((public / "register" / "projects.json").read_text(encoding="utf-8"))
    (project,) = register["projects"]
    assert (project["permit"], project["state"], project["results_overdue"]) == (PERMIT, "active", False)
    assert project["purposes"] and project["steps"][0]["act"] == "apply"
    rows = list(csv.DictReader((public / "register" / "projects.csv").open(encoding="utf-8")))
    assert [row["permit"] for row in rows] == [PERMIT]
    feed = ElementTree.parse(public / "register" / "projects.atom").getroot()
    atom = "{http://www.w3.org/2005/Atom}"
    assert [one.findtext(f"{atom}id") for one in feed.findall(f"{atom}entry")] == [f"urn:rempart:permit:{PERMIT}"]
    head = json.loads((public / "log" / "heads.json").read_text(encoding="utf-8"))
    assert head["size"] > 40 and (public / "log" / "checkpoint").read_text(encoding="utf-8").startswith(head["origin"])
    assert json.loads((public / "posture.json").read_text(encoding="utf-8"))["hosts"]
    everything = b"".join(path.read_bytes() for path in public.rglob("*") if path.is_file())
    assert not [name for name in (b"alice", b"dora", b"frank", b"claire") if name in everything]


def test_an_application_goes_from_hand_to_hand_to_a_dataset(new_house: House, small_delivery: Path) -> None:
    house = new_house
    house.told("ingest", small_delivery)
    permit = permit_file(house)
    incomplete = application(house, ('assessment = "invented', '# assessment = "invented'))
    filed = house.told("permit", "apply", incomplete, "--key", house.key("alice"))
    assert (filed["state"], filed["turn"]) == ("submitted", "secretariat")
    assert filed["lacks"] == [{"field": "ethics.assessment", "letter": "j"}]
    refused = house.call("--json", "permit", "step", PERMIT, "complete", "--by", house.key("officer"))
    assert (refused.code, refused.error["code"]) == (10, "application-incomplete")
    step(house, "incomplete", "officer", reason="no ethical assessment")
    house.told("permit", "apply", application(house, ('fees = "none"\n', "")), "--key", house.key("alice"))
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
    beyond = permit_file(house, ('persons = ["alice"]', 'persons = ["alice", "frank"]'))
    wider = house.call("--json", "permit", "grant", beyond, "--key", house.key("claire"))
    assert (wider.code, wider.error["code"]) == (10, "permit-beyond")
    decided(house)
    permit = permit_file(house, ('fees = "none"\n', ""))
    assert house.told("permit", "check", permit)["lacks"] == [{"letter": "g", "content": "fees"}]
    assert "art. 68(10)" in house.call("permit", "check", permit, lang="fr").out
    unsaid = house.call("--json", "permit", "grant", permit, "--key", house.key("claire"))
    assert (unsaid.code, unsaid.error["code"], unsaid.error["facts"]["contents"]) == (10, "permit-incomplete", "g fees")
    permit = permit_file(house)
    assert int(str(house.told("permit", "grant", permit, "--key", house.key("claire"))["persons"])) > 200
    opened(house)
    now = house.told("permit", "show", PERMIT)
    assert now["state"] == "active"
    assert [one["act"] for one in now["acts"]][-2:] == ["provision", "activate"]
    assert [one["clock"] for one in house.told("permit", "due")["clocks"]] == ["access-review"]
    stopped_and_opened(house)
    amended(house)
    published(house)
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
