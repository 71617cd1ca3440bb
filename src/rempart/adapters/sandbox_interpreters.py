# SPDX-License-Identifier: Apache-2.0
"""The interpreters that a job may be run by: the system's own, or a Python elsewhere with its libraries, shown inside at a neutral path."""

import functools
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rempart.adapters.sandbox_command import Interpreter
from rempart.errors import Refused

LANGUAGES = ("python", "r")
_ASK = (
    "import json, sys, sysconfig; paths = sysconfig.get_paths(); "
    "print(json.dumps([sys.base_prefix, sys.version_info[:2], sorted({paths['purelib'], paths['platlib']})]))"
)
_INSIDE = "/opt/python"


def interpreters(programs: Mapping[str, str], language: str) -> Interpreter:
    """How that language is run; raises Refused ``sandbox-language``, ``sandbox-interpreter``."""
    if language not in LANGUAGES:
        raise Refused("sandbox-language", language=language)
    program = programs.get(language, "")
    if not program or not os.access(program, os.X_OK):
        raise Refused("sandbox-interpreter", program=program or language)
    return _python(program) if language == "python" else _r(program)


def _r(program: str) -> Interpreter:
    if not program.startswith("/usr/"):
        raise Refused("sandbox-interpreter", program=program)
    return Interpreter(words=(program, "--no-init-file", "--no-environ", "--no-save", "/code/.r"))


@functools.cache
def _python(program: str) -> Interpreter:
    """In isolated mode: neither its variables nor the folder it starts in name a module."""
    if program.startswith("/usr/"):
        return Interpreter(words=(program, "-I", "-B", "/code/.python"))
    base, version, libraries = _asked(program)
    named = "python{}.{}".format(*version)
    shown = ((base, f"{_INSIDE}/base"), *((folder, f"{_INSIDE}/{at}") for at, folder in enumerate(libraries)))
    where = ":".join(inside for _, inside in shown[1:])
    words = (f"{_INSIDE}/base/bin/{named}", "-P", "-s", "-B", "/code/.python")
    return Interpreter(words=words, shown=shown, variables=(("PYTHONPATH", where), ("PYTHONHOME", f"{_INSIDE}/base")))


def _asked(program: str) -> tuple[str, list[int], list[str]]:
    try:
        told = subprocess.run([program, "-I", "-c", _ASK], env={}, capture_output=True, check=True, timeout=60)
        base, version, libraries = json.loads(told.stdout)
        return str(Path(base).resolve()), version, [str(Path(folder).resolve()) for folder in libraries]
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Refused("sandbox-interpreter", program=program) from error
