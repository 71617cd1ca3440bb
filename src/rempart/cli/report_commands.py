# SPDX-License-Identifier: Apache-2.0
"""Commands about protocols and reports: freeze the one, write the other. Neither shows a value that was not checked."""

from pathlib import Path

from rempart.cli.session import Session


def freeze(
    session: Session, file: Path, /, *, key: Path, variant: str | None = None, passphrase_fd: int | None = None
) -> int:
    """Freeze a study's protocol."""
    from rempart.wiring.protocols import freeze_file
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    done = freeze_file(
        Warehouse(session.directory), file=file, key_file=key, ask=session.asker(passphrase_fd), variant=variant
    )
    frozen = done.frozen
    word = "protocol-frozen" if frozen.anew else "protocol-stands"
    voice.say(word, study=frozen.study, permit=frozen.permit, leaf=frozen.leaf, time=voice.when(frozen.time))
    if frozen.amends:
        voice.say("protocol-amends", amends=frozen.amends)
    for one in done.beside if frozen.anew and variant is None else ():
        voice.say("protocol-beside", study=one.study, time=voice.when(one.time))
    voice.say("protocol-next", file=str(file))
    told = {"study": frozen.study, "permit": frozen.permit, "leaf": frozen.leaf, "time": frozen.time}
    beside = [one.study for one in done.beside]
    voice.result("study-freeze", {**told, "amends": frozen.amends, "anew": frozen.anew, "beside": beside})
    return 0
