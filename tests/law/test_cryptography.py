# SPDX-License-Identifier: Apache-2.0
"""Law 3: a table says who imports which cryptographic module, and decryption is named in two places only."""

import ast
from typing import Any

import pytest

from tests.law.tree import Module, aliases, allowed, at, imports, law_table, none, snippet, source

LIBRARIES = ("cryptography", "argon2", "nacl", "Crypto", "tink", "ssl", "shamir_mnemonic")
DECRYPTION = ["rempart.vault.aead", "rempart.keys.*"]
CIPHERS = frozenset({"AESGCM", "AESGCMSIV", "AESCCM", "AESSIV", "AESOCB3", "ChaCha20Poly1305", "Cipher", "Fernet"})
UNAUTHENTICATED = frozenset({"CTR", "CBC", "ECB", "CFB", "OFB", "ARC4", "TripleDES"})


def rules() -> list[dict[str, Any]]:
    """The rows of cryptography.toml."""
    table: Any = law_table("cryptography")
    return list(table["allow"])


def foreign_imports(module: Module) -> list[str]:
    """Imports of a cryptographic library that no row of the table allows this module."""
    mine = [prefix for rule in rules() if allowed(module.name, rule["modules"]) for prefix in rule["imports"]]
    return [
        at(module, line, f"imports {name}; tests/law/cryptography.toml does not let it")
        for line, name in imports(module)
        if name.split(".")[0] in LIBRARIES
        and not any(name == prefix or name.startswith(prefix + ".") for prefix in mine)
    ]


def cipher_names(module: Module) -> list[str]:
    """Ciphers named outside the two places of decryption, and ciphers without a tag named anywhere."""
    known = aliases(module)
    names = [(n.lineno, known.get(n.id, n.id).split(".")[-1]) for n in ast.walk(module.tree) if isinstance(n, ast.Name)]
    names += [(n.lineno, n.attr) for n in ast.walk(module.tree) if isinstance(n, ast.Attribute)]
    names += [(line, name.split(".")[-1]) for line, name in imports(module)]
    elsewhere = not allowed(module.name, DECRYPTION)
    return [
        at(module, line, f"names {name}")
        for line, name in names
        if name in UNAUTHENTICATED or (elsewhere and name in CIPHERS)
    ]


def test_cryptography_is_imported_only_where_the_table_says() -> None:
    none([complaint for module in source() for complaint in foreign_imports(module)])


def test_decryption_lives_in_the_vault_and_the_keys_alone() -> None:
    none([complaint for module in source() for complaint in cipher_names(module)])


def test_every_row_of_the_table_gives_its_reason() -> None:
    assert all(rule["why"] and rule["modules"] and rule["imports"] for rule in rules())


def test_a_pattern_never_covers_the_whole_house() -> None:
    assert not [p for rule in rules() for p in rule["modules"] if p in {"*", "rempart", "rempart.*"}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rempart.study.plan", "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\n"),
        ("rempart.adapters.directory_host", "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\n"),
        ("rempart.journeys.ingest", "def f():\n    import cryptography.fernet\n"),
        ("rempart.cli.app", "import argon2\n"),
        ("rempart.vault.seal", "from cryptography.hazmat.primitives.asymmetric import rsa\n"),
    ],
)
def test_a_cipher_in_the_wrong_room_is_caught(name: str, text: str) -> None:
    assert foreign_imports(snippet(text, name))


def test_a_cipher_named_in_the_wrong_room_is_caught() -> None:
    assert cipher_names(snippet("from rempart.vault.aead import AESGCM as box\n", "rempart.adapters.host"))
    assert cipher_names(snippet("import x\ny = x.modes.CTR(b'')\n", "rempart.vault.aead"))
    assert not cipher_names(snippet("from cryptography.x import AESGCM\n", "rempart.vault.aead"))
