# SPDX-License-Identifier: Apache-2.0
"""What every command is given: how to speak, which warehouse, and how to come by a passphrase."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rempart.cli.voice import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One run of the command line."""

    voice: Voice
    directory: Path

    def passphrase(self, descriptor: int | None, *, twice: bool = False) -> str:
        """From a file descriptor, else from the terminal; never from an argument or the environment."""
        from rempart.adapters.passphrase import read_passphrase

        return self.voice.ask_passphrase(twice=twice) if descriptor is None else read_passphrase(descriptor)

    def key_passphrase(self, descriptor: int | None) -> str:
        """The passphrase for a new person's key file: typed or from a descriptor; empty leaves the file to its 0600 mode."""
        from rempart.adapters.passphrase import read_passphrase

        if descriptor is not None:
            return read_passphrase(descriptor)
        return self.voice.ask_key_passphrase() if self.voice.at_terminal else ""

    def asker(self, descriptor: int | None) -> Callable[[Path], str]:
        """Asked only when a key file turns out to be encrypted."""
        return lambda _: self.passphrase(descriptor)

    def askers(self, descriptors: list[int] | None) -> Callable[[Path], str]:
        """For several key files: each one that is encrypted takes the next descriptor, or is asked for."""
        left = list(descriptors or ())
        return lambda _: self.passphrase(left.pop(0) if left else None)

    def confirm(self, name: str, *, yes: bool) -> None:
        """Have ``name`` typed before what cannot be undone, unless ``yes``; raises Refused ``confirm-nobody`` or ``confirm-differs``."""
        from rempart.errors import Refused

        if yes:
            return
        if not self.voice.at_terminal:
            raise Refused("confirm-nobody")
        if input(self.voice.word("ask-confirm", name=name)).strip() != name:
            raise Refused("confirm-differs")
