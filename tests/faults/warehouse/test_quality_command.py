# SPDX-License-Identifier: Apache-2.0
"""``rempart quality`` on a whole warehouse: one object of JSON and one page, neither of which holds a count that is not rounded."""

from html.parser import HTMLParser

from tests.faults.warehouse.place import Place

EMPTY = frozenset({"meta", "wbr", "rect"})


class Tags(HTMLParser):
    """Every tag closed, nothing fetched, no script."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not {name for name, _ in attrs} & {"src", "style", "onclick"}
        assert all((value or "").startswith("#") for name, value in attrs if name == "href")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag


def test_the_report_may_be_shown_and_says_which_checks_failed(shared: Place) -> None:
    page = shared.root / "quality.html"
    said = shared.run("quality", "--page", str(page))
    data = said.answer["data"]
    assert said.code == (1 if data["status"]["failed"] else 0), said.told
    assert data["checks"] == len(data["findings"]) == sum(data["status"].values()) > 1500
    assert data["scans"] < 120
    assert data["rounded_to"] == 22
    assert data["rows"] % 22 == 0
    for finding in data["findings"]:
        for name in ("failing", "base"):
            text = finding[name]
            assert text in {"", "<11", "<16"} or int(text) % data["rounded_to"] == 0, finding
    assert {finding["table"] for finding in data["findings"]} >= {"claims", "stay", "person", "drug_exposure"}
    text = page.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert {"h1", "main", "table", "svg", "details"} <= tags.seen
    assert "script" not in tags.seen
    assert "http" not in text


def test_an_operators_threshold_goes_first(shared: Place) -> None:
    strict = shared.root / "strict.toml"
    strict.write_text('[[thresholds]]\nkind = "filled"\npercent = 0\n', encoding="utf-8")
    said = shared.run("quality", "--thresholds", str(strict))
    assert said.code == 1
    failed = {f["field"] for f in said.answer["data"]["findings"] if f["status"] == "failed" and f["kind"] == "filled"}
    assert "prescription_date" in failed or failed, said.told
