# SPDX-License-Identifier: Apache-2.0
"""``rempart study kept``: models and sequences that a run keeps sealed in its project. Shows no value and writes no file."""

from dataclasses import asdict
from pathlib import Path

from rempart.cli.move_bar import bytes_in_words
from rempart.cli.session import Session


def kept(session: Session, run: str, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """What a run keeps beside its tables."""
    from rempart.wiring.kept_outputs import kept_of
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    found = kept_of(Warehouse(session.directory), run=run, key_file=key, ask=session.asker(passphrase_fd))
    if found.models:
        rows = []
        for model in found.models:
            faults = ", ".join(voice.word(f"model-{what}") for what in model.faults)
            said = voice.word("model-refused", what=faults) if faults else voice.word("model-by-review")
            rows.append((model.analysis, model.kind, said))
        voice.table(["column-analysis", "column-model", "column-way-out"], rows)
    if found.sequences:
        sizes = [(path, bytes_in_words(voice, size)) for path, size in found.sequences.items()]
        voice.table(["column-file", "column-size"], sizes)
        voice.say("sequences-stay")
    if not found.models and not found.sequences:
        voice.say("kept-nothing", run=run)
    voice.result("study-kept", asdict(found))
    return 0
