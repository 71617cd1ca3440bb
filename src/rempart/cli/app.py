# SPDX-License-Identifier: Apache-2.0
"""The ``rempart`` command: global options, the tree of commands, exit codes (contract §8).

Commands import the wiring when they run, so that ``--help`` loads no engine.
"""

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import App, Parameter
from cyclopts.exceptions import CycloptsError

from rempart import __version__
from rempart.adapters.crash_file import write_crash
from rempart.cli import commands
from rempart.cli.session import Session
from rempart.cli.voice import LANGUAGES, Voice, choose_language
from rempart.errors import NotTrusted, Refused, RempartError

_USAGE, _DEFECT, _CANCELLED = 2, 70, 130
RECEIPTS = "REMPART_RECEIPTS"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        options = _take_global(arguments)
    except IndexError:
        sys.stderr.write("rempart: usage: --lang, --dir and --receipts take a value\n")
        return _USAGE
    if options["--lang"] not in (None, *LANGUAGES):
        sys.stderr.write(f"rempart: usage: --lang takes one of {', '.join(LANGUAGES)}\n")
        return _USAGE
    voice = Voice(choose_language(options["--lang"], os.environ), as_json=bool(options["--json"]))
    directory = options["--dir"] or os.environ.get("REMPART_DIR") or "."
    with _receipts(options["--receipts"]):
        return _run(arguments, Session(voice=voice, directory=Path(directory)))


@contextmanager
def _receipts(folder: str | None) -> Iterator[None]:
    """Receipts go to this folder while the command runs; None: where the environment says."""
    before = os.environ.get(RECEIPTS)
    if folder is not None:
        os.environ[RECEIPTS] = folder
    try:
        yield
    finally:
        if folder is not None:
            os.environ.pop(RECEIPTS)
            os.environ.update({RECEIPTS: before} if before is not None else {})


def _run(arguments: Sequence[str], session: Session) -> int:
    voice = session.voice
    try:
        found = build(session, arguments)(
            arguments or ["--help"], exit_on_error=False, print_error=False, result_action="return_value"
        )
        return int(found or 0)
    except RempartError as error:
        _note(session.directory, error)
        voice.error(error)
        voice.after(error)
        return error.exit_code
    except CycloptsError as error:
        voice.problem("usage", "usage", str(error), voice.word("usage-hint"), message=str(error))
        return _USAGE
    except KeyboardInterrupt as error:
        voice.warn(voice.word("cancelled"))
        voice.after(error)
        return _CANCELLED
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001  a defect: told in a line, never as a trace that could hold a patient's data
        file = str(write_crash(error))
        told = voice.word("defect", kind=type(error).__name__)
        voice.problem("error", "defect", told, voice.word("defect-hint", file=file), file=file)
        voice.after(error)
        return _DEFECT


def _note(directory: Path, error: RempartError) -> None:
    """A refusal or an alarm that the ledger does not hold yet gets a leaf."""
    from rempart.wiring.alarm import note_refusal, raise_alarm

    if isinstance(error, NotTrusted):
        raise_alarm(directory, error)
    elif isinstance(error, Refused):
        note_refusal(directory, error)


def _whole(session: Session, path: str) -> None:
    """A ledger that lost leaves is read with a loud word, and no command begins that may write."""
    from rempart.wiring.ledger import lost_leaves

    error = lost_leaves(session.directory)
    if error is None or path in commands.ANYWHERE:
        return
    if path not in commands.READS:
        raise error
    _note(session.directory, error)
    session.voice.warn(session.voice.word("only-read", **error.facts))


def _take_global(arguments: list[str]) -> dict[str, str | None]:
    """Remove ``--lang X``, ``--dir X``, ``--receipts X`` and ``--json`` wherever they stand."""
    valued = ("--lang", "--dir", "--receipts")
    taken: dict[str, str | None] = {**dict.fromkeys(valued), "--json": None}
    for name in valued:
        while name in arguments:
            at = arguments.index(name)
            taken[name] = arguments[at + 1]
            del arguments[at : at + 2]
    if "--json" in arguments:
        arguments[:] = [argument for argument in arguments if argument != "--json"]
        taken["--json"] = "yes"
    return taken


def build(session: Session, arguments: Sequence[str] | None = None) -> App:
    """The tree of commands with help in the session's language; of commands that ``arguments`` do not begin, the name and what it is for
    alone: looking into each function costs more than all the rest of ``--help``."""
    voice = session.voice
    app = App(
        name="rempart",
        help=voice.help("rempart"),
        version=__version__,
        help_format="plaintext",
        help_epilogue=voice.help("global"),
        suppress_keyboard_interrupt=False,
    )
    nouns: dict[str, App] = {}
    for path, function in commands.TREE.items():
        *noun, verb = path.split()
        parent = app
        if noun:
            if noun[0] not in nouns:
                nouns[noun[0]] = App(name=noun[0], help=voice.help(noun[0]), help_format="plaintext")
                app.command(nouns[noun[0]])
            parent = nouns[noun[0]]
        near = arguments is None or path.split()[0] in arguments
        bound = _bind(function, session, path) if near else _named
        parent.command(bound, name=verb, help=voice.help(*path.split()))
    return app


def _named() -> int:
    """Stands for a command that was not asked for."""
    return _USAGE


def _bind(function: Callable[..., Any], session: Session, path: str) -> Callable[..., Any]:
    """The command with its session given and each parameter's help in the session's language."""
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    shown = []
    for parameter in parameters:
        about = Parameter(help=session.voice.help(*path.split(), parameter.name), negative=())
        shown.append(parameter.replace(annotation=Annotated[hints[parameter.name], about]))

    def command(*args: Any, **kwargs: Any) -> Any:
        _whole(session, path)
        return function(session, *args, **kwargs)

    command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    command.__name__ = path.replace(" ", "_")
    return command
