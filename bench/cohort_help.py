# SPDX-License-Identifier: Apache-2.0
"""What `rempart --help` costs beside a bare command of as many names: imports, locale, and a tree that is built and thrown away."""

import os
import subprocess
import sys
from pathlib import Path

from bench.registry import Work, bench

ROOT = Path(__file__).resolve().parent.parent
OURS = "import sys; from rempart.cli.app import main; sys.exit(main(['--help', '--lang', 'en']))"
BARE = """
import sys
from cyclopts import App
app = App(name="bare", help="a command with as many names", help_format="plaintext")
nouns = {{}}
def nothing():
    pass
for path in {names!r}:
    *noun, verb = path.split()
    parent = app
    if noun:
        if noun[0] not in nouns:
            nouns[noun[0]] = App(name=noun[0], help="a noun", help_format="plaintext")
            app.command(nouns[noun[0]])
        parent = nouns[noun[0]]
    parent.command(nothing, name=verb, help="a verb that does nothing at all")
app(["--help"])
"""


def run(program: str) -> None:
    """A fresh interpreter, as a person starts it."""
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"], "TERM": "dumb", "COLUMNS": "100"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, capture_output=True)


@bench(
    "cohort-help",
    peer="a bare cyclopts command with as many names",
    bound=1.3,
    runs=15,
    note="rempart --help in a fresh interpreter; neither loads an engine (a law test holds that)",
)
def help_of_many_names() -> tuple[Work, Work]:
    """Both in processes of their own."""
    from rempart.cli.commands import TREE

    bare = BARE.format(names=list(TREE))
    return (lambda: run(OURS), lambda: run(bare))
