# SPDX-License-Identifier: Apache-2.0
"""The table ``sandbox`` of ``rempart.toml``: throw-away accounts, interpreters, where job folders lie. All of it may be left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput

_FILE = "rempart.toml"
PYTHON, R = "/usr/bin/python3", "/usr/bin/Rscript"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """``uids``: first and last throw-away account, None where the service is not root; ``python``, ``r``: interpreters; ``folder``: where
    job folders lie, '' = the system's own for such; ``cores`` of one job."""

    uids: tuple[int, int] | None = None
    python: str = PYTHON
    r: str = R
    folder: str = ""
    cores: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Its keys that are not at their default."""
        usual = SandboxSettings()
        told = {"python": self.python, "r": self.r, "folder": self.folder, "cores": self.cores}
        kept: dict[str, Any] = {name: value for name, value in told.items() if value != getattr(usual, name)}
        return {**({"uids": list(self.uids)} if self.uids else {}), **kept}


def sandbox_from_dict(table: object) -> SandboxSettings:
    """The settings; raises BadInput ``config-field``."""
    given: dict[str, Any] = dict(table) if isinstance(table, Mapping) else {"": table}
    for name in given:
        if name not in ("uids", "python", "r", "folder", "cores"):
            raise BadInput(
                "config-field", file=_FILE, field=f"sandbox.{name}", expected="uids, python, r, folder, cores"
            )
    for name in ("python", "r", "folder"):
        if name in given and not (isinstance(given[name], str) and given[name].startswith("/")):
            raise BadInput("config-field", file=_FILE, field=f"sandbox.{name}", expected="a whole path")
    uids = given.pop("uids", None)
    if uids is not None and not (isinstance(uids, list) and [type(n) for n in uids] == [int, int]):
        raise BadInput("config-field", file=_FILE, field="sandbox.uids", expected="[first, last]")
    if type(given.get("cores", 1)) is not int or given.get("cores", 1) < 1:
        raise BadInput("config-field", file=_FILE, field="sandbox.cores", expected="1, 2, 3…")
    return SandboxSettings(uids=(uids[0], uids[1]) if uids else None, **given)
