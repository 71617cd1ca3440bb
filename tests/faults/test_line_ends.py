# SPDX-License-Identifier: Apache-2.0
"""Files whose lines end oddly: told by line, or read where nothing is in doubt."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rempart.errors import BadInput
from tests.small_delivery import card, read, whole, write

Change = Callable[[list[bytes]], bytes]


def changed(folder: Path, change: Change) -> Path:
    """The small delivery, its three cards' file made anew from header and lines."""
    cards = [card(), card(BEN_RNG_GEM="02"), card(BEN_RNG_GEM="03")]
    write(folder, whole() | {"IR_BEN_R": cards})
    file = folder / "IR_BEN_R.csv"
    file.write_bytes(change(file.read_bytes().splitlines()))
    return folder


@pytest.mark.parametrize(
    ("change", "line", "given", "expected"),
    [
        pytest.param(lambda f: b"\r\n".join(f[:3]) + b"\n" + f[3] + b"\r\n", 3, "LF", "CRLF", id="one LF among CRLF"),
        pytest.param(lambda f: b"\n".join(f[:3]) + b"\r\n" + f[3] + b"\n", 3, "CRLF", "LF", id="one CRLF among LF"),
        pytest.param(lambda f: b"\n".join(f[:3]) + b"\r" + f[3] + b"\n", 3, "CR", "LF", id="one CR among LF"),
        pytest.param(lambda f: b"\r".join(f) + b"\r", 1, "CR", "LF", id="CR alone"),
    ],
)
def test_mixed_line_ends_are_told_by_line(tmp_path: Path, change: Change, line: int, given: str, expected: str) -> None:
    with pytest.raises(BadInput, match="csv-line-end") as refused:
        read(changed(tmp_path, change))
    assert refused.value.facts == {"file": "IR_BEN_R.csv", "line": line, "given": given, "expected": expected}


def test_a_separator_at_the_end_of_every_line_is_a_column_without_a_name_kept_out_and_told(tmp_path: Path) -> None:
    query, report = read(changed(tmp_path, lambda file: b"".join(line + b";\n" for line in file)))
    query.close()
    assert ("column-unknown", "IR_BEN_R", "(UNNAMED 16)") in report.notes
    assert report.persons[0].count == 3


def test_a_line_without_the_separator_that_ends_all_others_is_told_by_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="csv-fields") as refused:
        read(changed(tmp_path, lambda file: b";\n".join([*file[:2], file[2]]) + b"\n"))
    assert refused.value.facts["line"] == 3
