# SPDX-License-Identifier: Apache-2.0
"""The campaign of faults in small, and its positive control: with a check taken out, the same campaign finds what slips through."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from rempart.vault import aead
from rempart.wiring import audit
from tests.faults.backup_house import ceremony
from tests.faults.campaign.count import Section
from tests.faults.campaign.kills import AFTER, Victims, kills
from tests.faults.campaign.leaks import leaks
from tests.faults.campaign.moves import movers
from tests.faults.campaign.mutations import KINDS
from tests.faults.campaign.stored import hints, put_back, stored
from tests.faults.campaign.writers import writers
from tests.faults.warehouse.place import Place, built, copied
from tests.servers import azurite, seaweedfs

COUNT, SEED = 96, 20261122


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A copy that nobody changes: the campaign damages what it holds in memory."""
    with copied(built(tmp_path_factory), tmp_path_factory.mktemp("campaign") / "copy") as made:
        yield made


def nothing_slipped(section: Section) -> None:
    assert section.made > 0
    assert section.slipped == [], "\n".join(section.lines())


def test_every_random_mutation_of_the_host_is_detected_and_none_is_served(place: Place) -> None:
    section = stored(place, count=COUNT, seed=SEED)
    nothing_slipped(section)
    assert {kind: count.made for kind, count in section.counts.items()} == dict.fromkeys(KINDS, COUNT // len(KINDS))


def test_hints_of_the_host_change_nothing(place: Place) -> None:
    nothing_slipped(hints(place, seed=SEED))


def test_a_ledger_put_back_is_shown_by_a_checkpoint_kept_elsewhere_and_by_nothing_else(
    place: Place, tmp_path: Path
) -> None:
    nothing_slipped(put_back(place, tmp_path / "with", count=8, seed=SEED))
    assert len(put_back(place, tmp_path / "without", count=8, seed=SEED, held_outside=False).slipped) == 8


class Unauthenticated:
    """AES-GCM without its tag: what it deciphers need not be what was sealed."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __getattr__(self, name: str) -> object:
        """As it should be, but for opening: another warehouse is sealed for the campaign."""
        return getattr(AESGCM(self._key), name)

    def decrypt_into(self, nonce: bytes, data: bytes, _: None, out: bytearray) -> None:
        """Decipher, believe everything."""
        plain = Cipher(AES(self._key), CTR(nonce + b"\0\0\0\2")).decryptor().update(bytes(data)[:-16])
        out[:] = plain


def test_the_campaign_finds_what_slips_through_when_tags_and_hashes_are_not_checked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cipher(key: bytes, salt: bytes, associated_data: bytes) -> Unauthenticated:
        return Unauthenticated(
            aead.HKDF(algorithm=aead.SHA256(), length=32, salt=salt, info=associated_data).derive(key)
        )

    monkeypatch.setattr(aead, "_cipher", cipher)
    monkeypatch.setattr(audit, "check_object", lambda *_, **__: None)
    section = stored(place, count=COUNT, seed=SEED)
    assert section.of("bit flip").slipped, "the campaign is blind"
    assert any("served" in told for told in section.slipped)


@pytest.mark.slow
@pytest.mark.parametrize("act", AFTER)
def test_an_act_killed_at_a_random_instant_ends_as_if_it_had_not_been(
    act: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    with copied(built(tmp_path_factory), tmp_path / "copy") as victim, Victims() as victims:
        ceremony(victim, victim.root)
        nothing_slipped(kills(victims, victim, act, points=1, named=False, seed=SEED))


def test_a_mover_killed_at_a_random_instant_ends_in_the_same_target(tmp_path: Path) -> None:
    nothing_slipped(movers(tmp_path / "movers", points=3, seed=SEED))


@pytest.mark.slow
def test_no_lie_of_a_host_gives_two_writers_two_heads(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    copies = iter(range(100))
    copy = lambda: copied(built(tmp_path_factory), tmp_path / str(next(copies)))  # noqa: E731
    nothing_slipped(writers(copy, moments=1, seed=SEED, lies=("all of it at once",)))


@pytest.mark.slow
@pytest.mark.server
def test_no_canary_and_no_key_is_found_anywhere_and_every_one_on_the_control(tmp_path: Path) -> None:
    for program, there in (("weed", seaweedfs.found()), ("azurite", azurite.found())):
        if there is None:
            pytest.skip(f"{program} is not installed")
    nothing_slipped(leaks(tmp_path / "leaks"))
