# SPDX-License-Identifier: Apache-2.0
"""The second half of the way once: custodians, a backup, declared hosts, a move, keys that end; every command in JSON and in French.

The first half, up to a released answer, is told in test_whole_way.py.
"""

import datetime
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rempart.cli.commands import TREE
from rempart.wiring.warehouse import Warehouse
from tests.journeys.house import PASSPHRASE, Answer, House, copy_house, given

COMMANDS = {name for name in TREE if name.split()[0] in {"hosts", "migrate", "backup", "restore"}} | {
    *("keys ceremony", "keys rotate", "keys destroy", "keys revoke", "keys order", "keys accounts"),
    *("person quorum", "audit witness"),
}
CUSTODIANS = "first custodian's words\nsecond custodian's words\nthird custodian's words"
ATTIC = """\
schema = "rempart.host/1"
name = "attic"
operator = "Régie d'essai"
own = true
seat = "FR"
storage_countries = ["FR"]
access_countries = ["FR"]
laws = ["EU: GDPR", "FR"]
valid = [{year}-01-01, {next}-12-31]

[connection]
kind = "directory"
path = "attic"
"""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Every answer in order, by command, and the house they were given in."""

    house: House
    answers: dict[str, Answer]
    before: dict[str, str]

    def step(self, name: str, *words: str | Path, secret: str | None = None) -> Answer:
        """One command in JSON that must go well."""
        answer = self.house.call("--json", *name.split("#")[0].split(), *words, secret=secret)
        assert answer.code == 0, answer
        self.answers[name] = answer
        return answer


def tell(house: House) -> Leaving:
    """Officers and custodians → backup and drill → hosts → move → rotation, a plan of erasure, a revocation → audit."""
    story = Leaving(house, {}, house.told("vault", "hash")["content"])
    _hands(story)
    _backup(story)
    _hosts(story)
    _move(story)
    _ends(story)
    return story


def _hands(story: Leaving) -> None:
    house, officer = story.house, story.house.key("officer")
    house.enrol("anne", "officer")
    house.enrol("wim", "witness")
    story.step("person quorum", "2", "--by", officer)
    named = [word for name in ("ines", "jean", "kim") for word in ("--custodian", name)]
    with given(CUSTODIANS, "--share-passphrase-fd") as shares:
        words = ("--threshold", "2", *named, "--to", house.folder / "shares", "--by", officer, *shares)
        story.step("keys ceremony", *words, secret=PASSPHRASE)
    story.step("keys order", "hash", "--by", officer)
    story.step("keys accounts", "--broker", "daemon", "--commands", "nobody", "--group", "daemon")


def _backup(story: Leaving) -> None:
    house, folder = story.house, story.house.folder
    story.step("backup", folder / "sealed.backup", "--head", folder / "head")
    story.step("audit witness", folder / "head", "--key", house.key("wim"))
    (folder / "drill").mkdir()
    shutil.copytree(house.warehouse / "host", folder / "drill" / "host")
    shares = [word for name in ("ines", "jean") for word in ("--share", folder / "shares" / f"{name}.share")]
    words = (folder / "sealed.backup", "--into", folder / "drill", "--head", folder / "head", *shares)
    story.step("restore", *words, secret="\n".join(CUSTODIANS.splitlines()[:2]))


def _hosts(story: Leaving) -> None:
    house, folder = story.house, story.house.folder
    year = datetime.datetime.now(datetime.UTC).year
    text = ATTIC.format(year=year, next=year + 1)
    (house.warehouse / "attic").mkdir()
    story.step("hosts add", house.write("attic.toml", text), *both(house))
    node = text.partition("[connection]")[0].replace("rempart.host", "rempart.node").replace('"attic"', '"local"')
    story.step("hosts node", house.write("node.toml", node), *both(house))
    story.step("hosts show")
    story.step("hosts posture", "--without", "eu-us-adequacy")
    story.step("hosts leakage")
    story.step("hosts order-report", "--to", folder / "order.json", *both(house))
    story.step("hosts order-report#verify", "--verify", folder / "order.json")


def _move(story: Leaving) -> None:
    house, folder = story.house, story.house.folder
    move = story.step("migrate plan", "directory", "attic", "--checkpoint", folder / "head").data["move"]
    story.step("migrate run", move)
    story.step("migrate verify", move)
    early = house.call("--json", "migrate", "cutover", move, *both(house), "--yes")
    assert (early.code, early.error["code"]) == (10, "backup-outstanding")  # before anything is changed
    assert Warehouse(house.warehouse).active_host == "directory"
    story.step("migrate cutover", move, *both(house), "--backup", folder / "sealed.backup", "--yes")
    story.step("migrate certificate", move, "--to", folder / "certificate")
    story.step("migrate certificate#verify", "--verify", folder / "certificate" / "certificate.json")


def _ends(story: Leaving) -> None:
    house = story.house
    story.step("keys rotate", "--space", "warehouse", "--by", house.key("officer"))
    story.step("keys destroy#plan", "--space", "warehouse", "--old-epochs", "--plan")
    story.step("keys destroy", "--space", "warehouse", "--old-epochs", *both(house), "--yes")
    story.step("keys revoke", "wim", *both(house))


def both(house: House) -> tuple[str | Path, ...]:
    """The two officers sign."""
    return ("--by", house.key("officer"), "--by", house.key("anne"))


@pytest.fixture(scope="module")
def story(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaving]:
    """Told once for this file."""
    house = copy_house(small_template, tmp_path_factory.mktemp("leaving the host"))
    try:
        house.unlock()
        yield tell(house)
    finally:
        house.lock()


def test_the_story_tells_every_command_of_its_half(story: Leaving) -> None:
    assert {name.partition("#")[0] for name in story.answers} == COMMANDS


def test_every_command_answers_in_json_with_the_same_fields(story: Leaving) -> None:
    for name, answer in story.answers.items():
        told = answer.json
        assert (told["ok"], set(told) - {"error"}) == (True, {"schema", "ok", "data"}), name
        assert told["schema"].startswith(f"rempart.{name.partition('#')[0].replace(' ', '-')}"), name
        assert isinstance(told["data"], dict)


def test_the_content_is_the_same_on_the_other_host_under_other_keys(story: Leaving) -> None:
    assert story.house.told("vault", "hash")["content"] == story.before
    assert not [path for path in (story.house.warehouse / "host").rglob("*") if path.is_file()]
    (space,) = [s for s in story.house.told("keys", "status")["spaces"] if s["space"] == "warehouse"]
    assert space["epoch"] == 3


def test_the_auditor_follows_all_of_it(story: Leaving) -> None:
    told = story.house.told("audit", "verify", "--deep")
    assert told["findings"] == []


def test_what_is_left_to_see_is_said_in_french_and_english(story: Leaving) -> None:
    for words in (["hosts", "show"], ["hosts", "posture"], ["hosts", "leakage"], ["keys", "status"]):
        english, french = (story.house.call(*words, lang=lang) for lang in ("en", "fr"))
        assert english.code == french.code == 0, words
        assert english.out != french.out, words


def test_a_backup_that_is_none_is_told_even_when_nothing_is_left_to_destroy(story: Leaving) -> None:
    words = ("keys", "destroy", "--space", "warehouse", "--old-epochs", *both(story.house), "--yes")
    for more, code in ((("--declare-destroyed", "B-none"), "backup-unknown"), (("--backup", "none"), "file-absent")):
        assert story.house.call("--json", *words, *more).error["code"] == code
    assert story.house.call("--json", *words).code == 0
