# SPDX-License-Identifier: Apache-2.0
"""The trust file on disk: ``DIR/controller/keys/trust/<n>.json``, and each actor's public key as ``actors/<name>.pub``.

The chain of versions is proven on every load; the ``.pub`` files are a convenience for people, never read back.
"""

from pathlib import Path

from rempart.adapters.group_folder import make_folder
from rempart.adapters.ledger_files import replace
from rempart.errors import Missing, NotTrusted
from rempart.records.canonical import canonical_bytes, parse_canonical
from rempart.records.trust import TrustFile
from rempart.records.trust_chain import check_chain


def load_trust(keys_dir: Path, first: str) -> TrustFile:
    """The newest version, its chain proven from the pinned id ``first``.

    Raises Missing ``trust-missing``; NotTrusted ``trust-form``, ``trust-chain``, ``not-canonical-bytes``.
    """
    return load_chain(keys_dir, first)[-1]


def load_chain(keys_dir: Path, first: str) -> tuple[TrustFile, ...]:
    """Every version, oldest first, their chain proven; raises as ``load_trust``."""
    versions = load_versions(keys_dir)
    if not versions:
        raise Missing("trust-missing")
    check_chain(versions, first=first)
    return versions


def load_versions(keys_dir: Path) -> tuple[TrustFile, ...]:
    """Every version, oldest first, as parsed: unproven, for the auditor."""
    found = [path for path in (keys_dir / "trust").glob("*.json") if path.stem.isdecimal()]
    return tuple(_read(path) for path in sorted(found, key=lambda path: int(path.stem)))


def save_trust(keys_dir: Path, trust: TrustFile) -> None:
    """Write a version and its actors' public keys; raises NotTrusted ``trust-version`` when that version says otherwise."""
    path = keys_dir / "trust" / f"{trust.version}.json"
    data = canonical_bytes(trust.as_dict())
    make_folder(path.parent)
    if path.is_file() and path.read_bytes() != data:
        raise NotTrusted("trust-version", version=trust.version)
    replace(path, data)
    actors = keys_dir / "actors"
    make_folder(actors)
    for entry in trust.entries:
        replace(actors / f"{entry.actor}.pub", f"{entry.alg} {entry.public} {entry.actor}\n".encode())


def _read(path: Path) -> TrustFile:
    value = parse_canonical(path.read_bytes(), what="trust file")
    if not isinstance(value, dict):
        raise NotTrusted("trust-form")
    return TrustFile.from_dict(value)
