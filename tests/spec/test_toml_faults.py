# SPDX-License-Identifier: Apache-2.0
"""Why a file is not TOML is said where it is one of the common slips, with the line that is to be mended."""

import pytest

from rempart.adapters.toml_input import parse_toml
from rempart.cli.voice import Voice
from rempart.errors import BadInput


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a = 1\nday = 2016-02-31\n", "toml-day", 2),
        ("day = 01/01/2014\n", "toml-day", 1),
        ("period = [2014-01-01, 2014-13-01]\n", "toml-day", 1),
        ("day = 31-12-2014 # fin\n", "toml-day", 1),
        ("[codes.diabète]\na = 1\n", "toml-key", 1),
        ("é = 1\n", "toml-key", 1),
        ("a = [\n  1,\n  2,\n\n[b]\nc = 1\n", "toml-bracket", 1),
        ("x = 1\na = [1, 2\nb = 3\n", "toml-bracket", 2),
        ('x = ["a" "b"]\n', "toml-bracket", 1),
        ('x = { a = "]", b = 1\n', "toml-bracket", 1),
        ("[a\nb = 1\n", "toml-bracket", 1),
        ("a = oui\n", "toml-word", 1),
        ("a = True\n", "toml-word", 1),
        ("a = 3,5\n", "toml-decimal", 1),
        ("[a]\nb = 1\n[a]\nc = 2\n", "toml-twice", 3),
        ("a = 1\na = 2\n", "toml-twice", 2),
        ("period = [2015-01-01 2015-12-31]\n", "toml-bracket", 1),
        ("a = { d = 2015-01-01, t = x y }\n", "toml-syntax", 1),
        ("ip = 192.168.1.1\n", "toml-syntax", 1),
        ("a = 2015-01-01 x\n", "toml-syntax", 1),
        ('a = "x\n', "toml-syntax", 1),
        ("a : 1\n", "toml-syntax", 1),
    ],
)
def test_a_common_slip_is_named_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(BadInput) as caught:
        parse_toml(text, "s.toml")
    assert (caught.value.code, caught.value.facts["line"]) == (code, line)
    for language in ("en", "fr"):
        voice = Voice(language, as_json=False)
        assert str(line) in voice.error_line(caught.value)
        assert voice.hint(caught.value)


def test_a_word_without_quotes_is_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        parse_toml("key = s3cr3tword\n", "s.toml")
    assert "s3cr3tword" not in str(caught.value.facts)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('access = "AK"\nsecret_access_key : “wJalrXUtnFEMI/K7”\n', "wJalr"),
        ("secret_access_key “wJalrXUtnFEMI/K7”\n", "wJalr"),
        ("« wJalrXUtnFEMI »\n", "wJalr"),
        ("« wJalrXUtnFEMI » = 1\n", "wJalr"),
        ("passphrase: motdépassé-très-secret\n", "motd"),
        ("motdépassé-très-secret\n", "motd"),
        ("[motdépassé secret\n", "motd"),
        ("[s3]\nsecret_key = \nhunter2é\n", "hunter2"),
        ('key = """\nmotdépassé=', "motd"),
        ("key = 12-34-5678x\n", "12-34"),
        ("nir = 1.61.05.75\n", "61.05"),
        ("key : 12-05-1961\n", "1961"),
        ("key = 12-05-1961 rest\n", "1961"),
    ],
)
def test_no_part_of_a_line_is_repeated_that_may_be_a_secret(text: str, secret: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_toml(text, "credentials.toml")
    assert secret not in str(caught.value.facts)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[codes.diabète]\n", {"name": "codes.diabète"}),
        ("durée = 1\n", {"name": "durée"}),
        ("born = 12/05/1961\n", {"given": "12/05/1961"}),
        ("period = [2015-01-01, 31-12-2015]\n", {"given": "31-12-2015"}),
    ],
)
def test_a_plain_name_and_the_day_that_is_wrong_are_told(text: str, told: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        parse_toml(text, "s.toml")
    assert told.items() <= caught.value.facts.items()
