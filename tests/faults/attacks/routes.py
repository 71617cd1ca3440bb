# SPDX-License-Identifier: Apache-2.0
"""Route × role × own or other project: runs every command of ``routes.toml`` with every role's key and tells what it answered."""

import datetime
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rempart.adapters.person_key import create_person_key
from rempart.adapters.surroundings import SystemRandomness
from tests.journeys.house import EXAMPLES, Answer, House, edited
from tests.journeys.test_code_job import PYTHON, job
from tests.journeys.test_leaving_the_host import ATTIC
from tests.journeys.test_way_in import DECISION, INCIDENT

TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_name("routes.toml").read_text(encoding="utf-8"))
ROUTES: dict[str, dict[str, Any]] = TABLE["routes"]
HOLDERS = {
    "nobody": "mallory",
    "other": "dora",
    "witness": "wanda",
    "auditor": "anton",
    "officer": "officer",
    "committee": "claire",
    "checker": "bob",
    "named": "alice",
    "author": "frank",
}
TODAY = datetime.datetime.now(tz=datetime.UTC).date()
PERMIT, OTHER = "P-2026-0001", "P-2026-0002"


@dataclass(frozen=True, slots=True)
class Place:
    """A house with a release of frank's under the permit of alice and frank, and a project of dora's. ``facts``: what words stand for."""

    house: House
    facts: dict[str, str] = field(default_factory=dict)

    def ask(self, name: str, route: Mapping[str, Any], role: str) -> Answer:
        """A command by who holds that role's key."""
        key = str(self.house.key(HOLDERS[role]))
        words = [str(word).format(key=key, role=role, **self.facts) for word in route.get("words", [])]
        return self.house.call("--json", *name.split(" "), *words)


def prepared(house: House) -> Place:
    """Everybody enrolled but one, a second project, a run, its release."""
    house.enrol("wanda", "witness")
    house.enrol("anton", "auditor")
    create_person_key(house.key("mallory"), randomness=SystemRandomness())
    changes = (
        ('persons = ["alice"]', 'persons = ["dora"]'),
        (PERMIT, OTHER),
        ('project = "glitazones"', 'project = "other"'),
    )
    other = house.write(
        "other.toml", edited((EXAMPLES / "glitazones" / "permit.toml").read_text(encoding="utf-8"), *changes)
    )
    house.told("permit", "grant", other, "--key", house.key("claire"))
    run = str(house.run_study("frank")["run"])
    release = str(house.told("release", "submit", run, "--key", house.key("frank"))["release"])
    _files(house)
    place = Place(house)
    place.facts.update(run=run, release=release, permit=PERMIT, folder=str(house.folder))
    return place


def _files(house: House) -> None:
    """What the commands are given, each good enough to come as far as the question who asks."""
    application = (EXAMPLES / "glitazones" / "application.toml").read_text(encoding="utf-8")
    house.write("application.toml", edited(application, (PERMIT, "P-2026-0003")))
    house.write("policy.toml", 'schema = "rempart.policy/1"\nversion = 1\n')
    house.write("native.toml", 'schema = "rempart.native/1"\ntables = []\nuntil = 2099-12-31\nbasis = "none"\n')
    house.write("approval.toml", DECISION.format(until=TODAY + datetime.timedelta(days=400)))
    house.write("objections.csv", "BEN_NIR_PSA\n")
    year = TODAY.year
    host = ATTIC.format(year=year, next=year + 1)
    house.write("attic.toml", host)
    node = host.partition("[connection]")[0].replace("rempart.host", "rempart.node").replace('"attic"', '"local"')
    house.write("node.toml", node)
    house.write("incident.toml", INCIDENT.format(version=1, found=f"{TODAY}T00:00:00+00:00", more=""))
    job(house, "python", PYTHON)
    house.told("audit", "export", house.folder / "note")


def answers(place: Place, names: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """(command, role, what it answered) of every route that asks for a person, in the order of the table: refusals first."""
    for name, route in ROUTES.items():
        if route["asks"] == "person" and (not names or name in names):
            for role in _refused_first(route):
                answer = place.ask(name, route, role)
                yield name, role, "ok" if answer.code == 0 else str(answer.error["code"])


def _refused_first(route: Mapping[str, Any]) -> list[str]:
    """The roles, those last whom the table lets in: what they do changes what is asked of the others."""
    told = route.get("answers", {})
    if "order" in route:
        return list(route["order"])
    return sorted(TABLE["roles"], key=lambda role: told.get(role) == "ok")
