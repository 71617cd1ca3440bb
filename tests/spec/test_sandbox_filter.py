# SPDX-License-Identifier: Apache-2.0
"""The filter of system calls, run by a small machine of our own: what the kernel would answer for each call."""

import struct

import pytest

from rempart.adapters import package_data
from rempart.adapters.sandbox_seccomp import filter_bytes
from rempart.errors import Refused

CALLS = package_data.toml("adapters/sandbox_calls.toml")
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
MACHINES = sorted(CALLS["machines"])
SPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]
THREAD = 0x003D0F00  # what the C library asks of clone for a thread


def answer(programme: bytes, number: int, *arguments: int, audit: int) -> int:
    """Run classic BPF over one call: the number, the machine, the place, six arguments."""
    call = struct.pack("<iIQ6Q", number, audit, 0, *(*arguments, *[0] * (6 - len(arguments))))
    steps = list(struct.iter_unpack("HBBI", programme))
    at = held = 0
    while True:
        code, true, false, value = steps[at]
        at += 1
        if code == 0x20:
            (held,) = struct.unpack_from("<I", call, value)
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += true if holds else false


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("one", [False, True])
def test_every_named_call_is_not_permitted_and_every_other_is_allowed(machine: str, one: bool) -> None:
    row = CALLS["machines"][machine]
    programme, numbers, audit = filter_bytes(machine, CALLS, one_process=one), row["numbers"], row["audit"]
    refused = {numbers[name] for name in (*CALLS["refused"], *(CALLS["forks"] if one else ())) if name in numbers}
    judged = {numbers[name] for name in ("clone", "clone3", "socket", "socketpair", "ioctl")}
    for number in range(600):
        if number not in judged:
            assert answer(programme, number, audit=audit) == (EPERM if number in refused else ALLOW), number
    assert answer(programme, numbers["clone3"], audit=audit) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_are_of_one_machine_alone_and_no_call_types_into_a_terminal(machine: str) -> None:
    row = CALLS["machines"][machine]
    programme, numbers, audit = filter_bytes(machine, CALLS), row["numbers"], row["audit"]
    for name in ("socket", "socketpair"):
        assert [f for f in range(60) if answer(programme, numbers[name], f, audit=audit) == ALLOW] == [1]
    for request, expected in ((0x5412, EPERM), (0x541C, EPERM), (0x5401, ALLOW), (0x5413, ALLOW), (0, ALLOW)):
        assert answer(programme, numbers["ioctl"], 0, request, audit=audit) == expected
    assert answer(programme, numbers["ioctl"], 0, (7 << 32) | 0x5412, audit=audit) == EPERM, (
        "the kernel reads its low half"
    )


@pytest.mark.parametrize("machine", MACHINES)
def test_clone_makes_threads_and_processes_but_no_spaces(machine: str) -> None:
    row = CALLS["machines"][machine]
    number, audit = row["numbers"]["clone"], row["audit"]
    many, one = filter_bytes(machine, CALLS), filter_bytes(machine, CALLS, one_process=True)
    for programme in (many, one):
        assert all(answer(programme, number, 17 | flag, audit=audit) == EPERM for flag in SPACES)
        assert all(answer(programme, number, THREAD | flag, audit=audit) == EPERM for flag in SPACES)
        assert answer(programme, number, THREAD, audit=audit) == ALLOW
    assert answer(many, number, 17, audit=audit) == ALLOW
    assert answer(one, number, 17, audit=audit) == EPERM


def test_calls_of_another_machine_or_table_end_the_process() -> None:
    for machine in MACHINES:
        programme, other = filter_bytes(machine, CALLS), 0x40000003
        assert all(answer(programme, number, audit=other) == KILL for number in range(50))
    programme, audit = filter_bytes("x86_64", CALLS), CALLS["machines"]["x86_64"]["audit"]
    assert all(answer(programme, 0x40000000 + number, audit=audit) == KILL for number in range(600))


def test_a_machine_whose_calls_we_do_not_know_is_refused() -> None:
    with pytest.raises(Refused, match="sandbox-machine"):
        filter_bytes("riscv64", CALLS)
