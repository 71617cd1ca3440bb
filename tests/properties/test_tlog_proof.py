# SPDX-License-Identifier: Apache-2.0
"""A C2SP tlog-proof holds for the leaf that it carries, in this log, and for nothing else."""

import base64
from pathlib import Path

import pytest

from rempart.audit import release_proof, tlog_proof
from rempart.audit.proofs import verify_inclusion
from rempart.audit.tree import Tree, leaf_hash
from rempart.cli.app import main
from rempart.errors import Missing, NotTrusted
from rempart.records.canonical import canonical_bytes, sha256_id
from rempart.wiring.releases import verify_release
from tests.properties.ledger_story import ORIGIN, PUBLIC, Story, note, true_story


@pytest.fixture(scope="module")
def story() -> Story:
    return true_story()


def text_of(story: Story, index: int, size: int | None = None) -> str:
    tree, size = Tree(story.leaves), size or len(story.leaves)
    return tlog_proof.build(
        leaf=story.leaves[index],
        index=index,
        inclusion=tree.inclusion(index, size),
        checkpoint=note(story.leaves[:size]),
    )


def test_every_leaf_of_every_size_is_proven_by_its_own_text(story: Story) -> None:
    for size in range(1, len(story.leaves) + 1):
        for index in range(size):
            found = tlog_proof.verify(text_of(story, index, size), origin=ORIGIN, public=PUBLIC)
            assert found == story.events[index]


def test_the_text_is_the_one_of_the_specification(story: Story) -> None:
    """Read here line by line as C2SP tlog-proof says, without our functions."""
    text, size = text_of(story, 3), len(story.leaves)
    head, extra, index, *more = text.split("\n")
    assert (head, index) == ("c2sp.org/tlog-proof@v1", "index 3")
    assert base64.b64decode(extra.removeprefix("extra ")) == story.leaves[3]
    empty = more.index("")
    path = [base64.b64decode(line) for line in more[:empty]]
    assert "\n".join(more[empty + 1 :]) == note(story.leaves)
    root = base64.b64decode(more[empty + 3])
    verify_inclusion(leaf=leaf_hash(story.leaves[3]), index=3, size=size, proof=path, root=root)


def test_every_changed_character_undoes_it(story: Story) -> None:
    text = text_of(story, 5)
    for at in range(len(text)):
        changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        with pytest.raises(NotTrusted):
            tlog_proof.verify(changed, origin=ORIGIN, public=PUBLIC)
    for cut in range(len(text)):
        with pytest.raises(NotTrusted):
            tlog_proof.verify(text[:cut], origin=ORIGIN, public=PUBLIC)


def test_another_leaf_place_log_or_key_is_not_proven(story: Story) -> None:
    text = text_of(story, 5)
    other = base64.b64encode(story.leaves[6]).decode()
    lines = text.split("\n")
    for changed in (
        text.replace(lines[1], f"extra {other}"),
        text.replace("index 5", "index 4"),
        text.replace(lines[1] + "\n", ""),
        text.replace(lines[3] + "\n", ""),
        text.replace("index 5", "index 05"),
        "\n".join([*lines[:3], lines[3], *lines[3:]]),
        "\n".join([*lines[:3], "AAAA", *lines[3:]]),
    ):
        with pytest.raises(NotTrusted):
            tlog_proof.verify(changed, origin=ORIGIN, public=PUBLIC)
    with pytest.raises(NotTrusted, match="checkpoint-origin"):
        tlog_proof.verify(text, origin="else", public=PUBLIC)
    with pytest.raises(NotTrusted, match="checkpoint-signature"):
        tlog_proof.verify(text, origin=ORIGIN, public=bytes(32))


def test_a_proof_without_extra_data_is_read_and_proves_no_leaf_of_ours(story: Story) -> None:
    text = text_of(story, 0)
    bare = text.replace(text.split("\n")[1] + "\n", "")
    assert tlog_proof.parse(bare).extra is None
    with pytest.raises(NotTrusted, match="tlog-proof-form"):
        tlog_proof.verify(bare, origin=ORIGIN, public=PUBLIC)


def put_down(folder: Path, *facts: str) -> str:
    """A published folder with its first proof; the text of the second, which is not put down. ``facts``: of its leaf, beside the usual."""
    story, content = true_story(), b"{}"
    files = {"release.json": sha256_id(content)}
    usual = ["release:R-2026-0003", f"pack:{files['release.json']}", f"files:{release_proof.pack_id(files)}"]
    story.act("release", "permit:P-2026-0001", ["release:R-2026-0003"], [*usual, *facts])
    index, size, note_now = len(story.leaves) - 1, len(story.leaves), note(story.leaves)
    inclusion = Tree(story.leaves).inclusion(index, size)
    whole = release_proof.build(
        leaf=story.leaves[index], index=index, size=size, inclusion=inclusion, checkpoint=note_now, files=files
    )
    (folder / "release.json").write_bytes(content)
    (folder / "proof").write_bytes(canonical_bytes(whole))
    return text_of(story, index)


def test_a_published_folder_is_held_to_both_proofs_and_a_folder_of_before_to_its_one(tmp_path: Path) -> None:
    text = put_down(tmp_path)
    before = verify_release(tmp_path, origin=ORIGIN, public=PUBLIC)
    assert (before["release"], before["tlog_proof"]) == ("R-2026-0003", "")
    beside = tmp_path / "release.tlog-proof"
    beside.write_text(text, encoding="utf-8")
    both = verify_release(tmp_path, origin=ORIGIN, public=PUBLIC)
    assert both == {**before, "tlog_proof": beside.name}
    story = true_story()
    beside.write_text(text_of(story, len(story.leaves) - 1), encoding="utf-8")
    with pytest.raises(NotTrusted, match="tlog-proof-other"):
        verify_release(tmp_path, origin=ORIGIN, public=PUBLIC)
    beside.write_bytes(b"\xff")
    with pytest.raises(NotTrusted, match="tlog-proof-form"):
        verify_release(tmp_path, origin=ORIGIN, public=PUBLIC)


def test_a_folder_whose_leaf_names_a_proof_beside_it_is_refused_without_that_file(tmp_path: Path) -> None:
    beside = tmp_path / "release.tlog-proof"
    beside.write_text(put_down(tmp_path, f"beside:{beside.name}"), encoding="utf-8")
    assert verify_release(tmp_path, origin=ORIGIN, public=PUBLIC)["tlog_proof"] == beside.name
    beside.unlink()
    with pytest.raises(Missing, match="release-proof-missing") as refused:
        verify_release(tmp_path, origin=ORIGIN, public=PUBLIC)
    assert refused.value.facts == {"folder": tmp_path.name, "file": beside.name}


def test_the_word_says_that_a_folder_of_before_has_no_such_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = put_down(tmp_path)
    words = ["release", "verify", str(tmp_path), "--ledger-key", f"{ORIGIN} {base64.b64encode(PUBLIC).decode()}"]
    for language, said in (("en", "no proof in the open format"), ("fr", "pas de preuve au format ouvert")):
        assert main([*words, "--lang", language]) == 0
        assert said in capsys.readouterr().out
    (tmp_path / "release.tlog-proof").write_text(text, encoding="utf-8")
    assert main([*words, "--lang", "en"]) == 0
    assert "no proof" not in capsys.readouterr().out
