# SPDX-License-Identifier: Apache-2.0
"""Which system calls a job's code may make, as a classic BPF programme that the kernel loads. The calls are rows of ``sandbox_calls.toml``.

Allows what is not named: a numerical library may use any harmless call. Namespaces, the uid and the lack of capabilities carry the rest.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from rempart.errors import Refused

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST, _SECOND = (
    0,
    4,
    16,
    24,
)  # where struct seccomp_data has them: low halves of the two first arguments
_ALLOW, _KILL, _EPERM, _ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
Step = tuple[int, int, int, int]


def filter_bytes(machine: str, calls: Mapping[str, Any], *, one_process: bool = False) -> bytes:
    """The programme for ``machine`` (as ``platform.machine`` names it); ``one_process``: threads may begin, processes not.

    Raises Refused ``sandbox-machine`` for a machine whose calls we do not know.
    """
    row = calls["machines"].get(machine)
    if row is None:
        raise Refused("sandbox-machine", machine=machine)
    numbers: Mapping[str, int] = row["numbers"]
    refused = [*calls["refused"], *(calls["forks"] if one_process else ())]
    steps = _head(row["audit"], row["beyond"])
    steps += [step for name in refused if name in numbers for step in _answered(numbers[name], _EPERM)]
    steps += _answered(numbers["clone3"], _ENOSYS)
    for name in calls["families"]:
        steps += _judged(numbers[name], _FIRST, [(_EQUAL, 0, 1, calls["unix"]), _then(_ALLOW), _then(_EPERM)])
    steps += _judged(numbers["ioctl"], _SECOND, _none_of(calls["typing"]))
    steps += _judged(numbers["clone"], _FIRST, _clone(calls["spaces"], calls["thread"], one_process=one_process))
    return b"".join(struct.pack("HBBI", *step) for step in [*steps, _then(_ALLOW)])


def _head(machine: int, beyond: int) -> list[Step]:
    """Another machine's calls, and numbers of a second table, end the process."""
    steps = [(_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, machine), _then(_KILL), (_LOAD, 0, 0, _NUMBER)]
    return [*steps, (_AT_LEAST, 0, 1, beyond), _then(_KILL)] if beyond else steps


def _then(answer: int) -> Step:
    return (_RETURN, 0, 0, answer)


def _answered(number: int, answer: int) -> list[Step]:
    return [(_EQUAL, 0, 1, number), _then(answer)]


def _judged(number: int, argument: int, steps: Sequence[Step]) -> list[Step]:
    """``steps`` on an argument of one call; each way through them ends."""
    return [(_EQUAL, 0, len(steps) + 1, number), (_LOAD, 0, 0, argument), *steps]


def _none_of(values: Sequence[int]) -> list[Step]:
    steps = [(_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [*steps, _then(_ALLOW), _then(_EPERM)]


def _clone(spaces: int, thread: int, *, one_process: bool) -> list[Step]:
    steps = [(_ANY_BIT, 0, 1, spaces), _then(_EPERM)]
    if one_process:
        steps += [(_ANY_BIT, 1, 0, thread), _then(_EPERM)]
    return [*steps, _then(_ALLOW)]
