# SPDX-License-Identifier: Apache-2.0
"""Receipts held by whoever acted against what was published of the log, without the warehouse: hashes, a checkpoint, a public key."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.ledger_files import write_tiles
from rempart.audit.tree import Tree
from rempart.cli.app import main
from rempart.errors import BadInput, NotTrusted, RempartError
from rempart.journeys.register import kept_log
from rempart.records.signature import sign_text
from rempart.records.vkey import ED25519_COSIGNER, ED25519_LOG, VerifierKey
from rempart.wiring.receipts import SUFFIX, Receipts, check_receipts_offline, receipt
from tests.faults.kept_house import KeptHouse, days_after
from tests.properties.ledger_story import LEDGER, ORIGIN, PUBLIC, Story, true_story

LOG = VerifierKey(name=ORIGIN, kind=ED25519_LOG, public=PUBLIC).line
ASKED = (0, 3, 9, 17)


def ledger_at(root: Path) -> DirectoryLedger:
    return DirectoryLedger(root, origin=ORIGIN, public=PUBLIC, sign=lambda text: sign_text(LEDGER, text))


def published(ledger: DirectoryLedger, folder: Path) -> Path:
    """What ``audit publish`` writes of the log."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_text(ledger.checkpoint(), encoding="utf-8")
    write_tiles(folder / "tiles", Tree(ledger.leaves()), 0)
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> tuple[DirectoryLedger, Path, list[bytes]]:
    """A log, a folder of receipts that were given while it grew leaf by leaf, and all its leaves."""
    ledger, folder, leaves = ledger_at(tmp_path / "ledger"), tmp_path / "receipts", longer().leaves
    folder.mkdir()
    for size, leaf in enumerate(leaves[:20]):
        ledger.append(size, [leaf])
        if size in ASKED:
            (folder / f"{size}{SUFFIX}").write_text(receipt(ledger, size), encoding="utf-8")
    return ledger, folder, leaves


def longer(word: str = "warehouse") -> Story:
    """A true story that fills more than one tile; ``word`` makes another one of it from leaf 12 on."""
    story = true_story()
    del story.events[12:]
    while len(story.events) < 300:
        story.act("hash", "operation:hash", [f"space:{word}"])
    return story


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(RempartError) as caught:
        act()
    return caught.value.code


def test_a_later_log_holds_every_receipt_and_shows_no_leaf(
    kept: tuple[DirectoryLedger, Path, list[bytes]], tmp_path: Path
) -> None:
    ledger, folder, leaves = kept
    for size in (20, 255, 256, 257, 300):
        ledger.append(ledger.size(), leaves[ledger.size() : size])
        log = published(ledger, tmp_path / "log")
        assert check_receipts_offline(folder, log=LOG, at=log) == Receipts(size=size, held=4, bad=())
    assert not [file for file in log.rglob("*") if file.is_file() and b"actor" in file.read_bytes()]
    assert check_receipts_offline(folder, log=LOG, at=tmp_path / "ledger").held == 4, (
        "a copy of the ledger's folder does as well"
    )


def test_a_log_cut_or_rewritten_contradicts_the_receipts_given_since(
    kept: tuple[DirectoryLedger, Path, list[bytes]], tmp_path: Path
) -> None:
    _, folder, leaves = kept
    cut, other = ledger_at(tmp_path / "cut"), ledger_at(tmp_path / "other")
    cut.append(0, leaves[:10])
    other.append(0, longer("elsewhere").leaves[:100])
    found = check_receipts_offline(folder, log=LOG, at=published(cut, tmp_path / "log"))
    assert (found.held, found.bad) == (3, ((f"17{SUFFIX}", "ledger-rolled-back"),))
    found = check_receipts_offline(folder, log=LOG, at=published(other, tmp_path / "log"))
    assert (found.held, found.bad) == (3, ((f"17{SUFFIX}", "consistency-proof"),))


def test_nothing_published_is_believed_that_the_root_does_not_prove(
    kept: tuple[DirectoryLedger, Path, list[bytes]], tmp_path: Path
) -> None:
    ledger, folder, leaves = kept
    ledger.append(20, leaves[20:])
    tile = Path("tiles/0/000")
    log = published(ledger, tmp_path / "log")
    whole = (log / tile).read_bytes()
    (log / tile).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert code_of(lambda: check_receipts_offline(folder, log=LOG, at=log)) == "ledger-root"
    (log / tile).unlink()
    assert code_of(lambda: check_receipts_offline(folder, log=LOG, at=log)) == "ledger-truncated"
    published(ledger, log)
    wrong = VerifierKey(name=ORIGIN, kind=ED25519_LOG, public=bytes(32)).line
    assert code_of(lambda: check_receipts_offline(folder, log=wrong, at=log)) == "checkpoint-signature"
    for line in ("no key", VerifierKey(name=ORIGIN, kind=ED25519_COSIGNER, public=PUBLIC).line):
        with pytest.raises(BadInput, match="verifier-key"):
            check_receipts_offline(folder, log=line, at=log)
    torn = folder / f"9{SUFFIX}"
    torn.write_text(torn.read_text(encoding="utf-8").replace("index 9", "index 8"), encoding="utf-8")
    assert check_receipts_offline(folder, log=LOG, at=log).bad == ((torn.name, "inclusion-proof"),)


def test_the_command_needs_no_warehouse(
    kept: tuple[DirectoryLedger, Path, list[bytes]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger, folder, _ = kept
    log = published(ledger, tmp_path / "log")
    away = ["--dir", str(tmp_path / "nowhere"), "--lang", "en", "audit", "receipts", str(folder)]
    assert main([*away, "--log", LOG, "--at", str(log)]) == 0
    assert "4 receipts are held by the ledger of 20 leaves" in capsys.readouterr().out
    assert main([*away, "--log", LOG]) == BadInput.exit_code
    (log / "checkpoint").write_text("", encoding="utf-8")
    assert main([*away, "--log", LOG, "--at", str(log)]) == NotTrusted.exit_code


def test_what_is_told_of_the_logs_keeping_is_the_newest_month_and_purge(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path / "ledger")
    assert kept_log(house.ledger) == {}
    house.control()
    assert kept_log(house.ledger) == {"period_verified": {"month": "2026-03", "day": house.now.date().isoformat()}}
    house.now = days_after(366)
    house.purge()
    assert kept_log(house.ledger)["traces_purged"] == {"before": "2026-03-02", "day": "2027-03-02"}
