# SPDX-License-Identifier: Apache-2.0
"""Which keyring opens a snapshot since a key rotation, as the ledger holds it; the snapshot's own commit names its first one."""

from dataclasses import dataclass

from rempart.errors import NotTrusted
from rempart.records.sealed import check_object_name

KIND = "keyring"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceKeyring:
    """The keyring of one kept snapshot under one key epoch. ``head``, ``manifest``: the snapshot's, unchanged by a rotation."""

    space: str
    head: str
    manifest: str
    keyring: str
    keyring_sha256: str
    epoch: int

    def objects(self) -> tuple[str, ...]:
        """As ledger facts."""
        return (
            f"space:{self.space}",
            f"head:{self.head}",
            f"manifest:{self.manifest}",
            f"keyring:{self.keyring}",
            f"keyring-hash:{self.keyring_sha256}",
            f"epoch:{self.epoch}",
        )

    @classmethod
    def from_objects(cls, objects: tuple[str, ...]) -> "SpaceKeyring":
        """From ledger facts; raises NotTrusted ``commit-form``."""
        facts = dict(item.partition(":")[::2] for item in objects)
        try:
            return cls(
                space=facts["space"],
                head=facts["head"],
                manifest=check_object_name(facts["manifest"]),
                keyring=check_object_name(facts["keyring"]),
                keyring_sha256=facts["keyring-hash"],
                epoch=int(facts["epoch"]),
            )
        except (KeyError, ValueError) as error:
            raise NotTrusted("commit-form") from error
