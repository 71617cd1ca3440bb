# SPDX-License-Identifier: Apache-2.0
"""A folder that is not the one meant is refused at once, with the one that is meant where it can be seen."""

from pathlib import Path

import pytest

from rempart.adapters.delivery_reader import list_delivery
from rempart.cli.app import main
from rempart.errors import BadInput
from rempart.wiring.quality import refuse_page


@pytest.mark.parametrize(("inner", "told"), [("delivery", "s/delivery"), ("deliveries/201401", "s/deliveries/*")])
def test_the_folder_of_a_synthetic_delivery_and_its_truth_names_the_delivery(
    tmp_path: Path, inner: str, told: str
) -> None:
    (tmp_path / "s" / inner).mkdir(parents=True)
    for name in ("truth.json", "truth_persons.csv.gz"):
        (tmp_path / "s" / name).write_bytes(b"")
    with pytest.raises(BadInput, match="delivery-inside") as raised:
        list_delivery(tmp_path / "s")
    assert raised.value.facts["inside"] == told


def test_an_ingest_of_nothing_says_that_a_folder_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lang", "en", "ingest"]) == 40
    assert "no folder of a delivery is named" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_refused_before_the_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_page(tmp_path / "q.html")
    for path in (tmp_path / "none" / "q.html", tmp_path):
        with pytest.raises(BadInput, match="file-unwritable"):
            refuse_page(path)
    # No warehouse is here: the page is looked at before.
    assert main(["--lang", "en", "--dir", str(tmp_path), "quality", "--page", str(tmp_path / "none" / "q.html")]) == 40
    assert "q.html cannot be written" in capsys.readouterr().err
