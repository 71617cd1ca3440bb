# SPDX-License-Identifier: Apache-2.0
"""Tokens for tests: Debian's softhsm2 in a folder of its own. A process reads its folder once, so each process has one."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.key_store_settings import KeyStoreSettings

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "a pin for tests"
TOKENS = 16


@dataclass(slots=True)
class Tokens:
    """A folder of tokens, all made at the start: a library that a process has loaded does not see those made since."""

    folder: Path
    given: int = 0

    def __post_init__(self) -> None:
        (self.folder / "tokens").mkdir(parents=True)
        self.configuration.write_text(
            f"directories.tokendir = {self.folder / 'tokens'}\nlog.level = ERROR\n", encoding="utf-8"
        )
        for number in range(TOKENS):
            self._make(f"token-{number}")

    @property
    def configuration(self) -> Path:
        """What SOFTHSM2_CONF names."""
        return self.folder / "softhsm2.conf"

    def token(self, *, key: str = "rempart") -> KeyStoreSettings:
        """A token that nobody has used, opened by PIN."""
        if self.given == TOKENS:
            raise RuntimeError("more tokens are asked for than there are: see TOKENS")
        self.given += 1
        return self.settings(f"token-{self.given - 1}", key=key)

    def settings(self, label: str, *, key: str = "rempart") -> KeyStoreSettings:
        """How a warehouse names that token."""
        return KeyStoreSettings(
            store="pkcs11",
            module=str(module()),
            environment=f"SOFTHSM2_CONF={self.configuration}",
            token=label,
            key=key,
        )

    def _make(self, label: str) -> None:
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "an officer's pin"],
            env=os.environ | {"SOFTHSM2_CONF": str(self.configuration)},
            check=True,
            capture_output=True,
        )


def module() -> str | None:
    """The installed library; None without it."""
    found = [path for path in MODULES if Path(path).exists()]
    return found[0] if found and shutil.which("softhsm2-util") else None
