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
from tests.faults.campaign.count import Section
from tests.faults.campaign.mutations import KINDS
from tests.faults.campaign.stored import hints, put_back, stored
from tests.faults.warehouse.place import Place, built, copied

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

    def encrypt_into(self, nonce: bytes, data: memoryview, _: None, out: memoryview) -> None:
        """As it should be: another warehouse is sealed for the campaign."""
        AESGCM(self._key).encrypt_into(nonce, data, None, out)

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
