# SPDX-License-Identifier: Apache-2.0
"""``rempart demo``: the whole way once, told to a newcomer. It types the commands that a person would type, on invented persons."""

import os
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from rempart.adapters.package_data import toml
from rempart.cli import data_commands, people_commands, proof_commands, result_commands, study_commands
from rempart.cli.session import Session
from rempart.cli.voice import Voice
from rempart.errors import BadInput, Refused, RempartError

_MARKER = ".rempart-demo"
_YEARS = (2012, 2017)  # those of the example study
_PEOPLE = (
    ("alice", ("researcher", "checker")),
    ("bob", ("checker",)),
    ("carol", ("checker",)),
    ("claire", ("committee",)),
)


def demo(
    session: Session, *, folder: Path = Path("rempart-demo"), persons: int = 20000, seed: int = 7, effect: float = 2.0
) -> int:
    """All of it once, with a narration."""
    from rempart.wiring.invented import swap_may_see

    story = Story(session.voice, folder)
    story.fresh()
    with swap_may_see():
        try:
            story.keys(persons)
            story.delivery(persons=persons, seed=seed, effect=effect)
            story.permit()
            story.study()
            story.release()
            return 0 if story.verdict(effect) & story.scan() & story.audit() else 1
        finally:
            story.end()


class Story:
    """One telling: each method is a chapter."""

    def __init__(self, voice: Voice, folder: Path) -> None:
        from rempart.wiring.demo import Stage

        self._voice, self._folder = voice, folder
        self._session = Session(voice=voice, directory=folder / "warehouse")
        self._words = toml(f"locale/demo.{voice.language}.toml")["say"]
        self._stage = Stage(folder)
        self._began, self._chapter = time.monotonic(), 0

    def fresh(self) -> None:
        """Use an absent folder, or one that an earlier demo made; raises Refused ``demo-folder``."""
        if self._folder.exists():
            if not (self._folder / _MARKER).is_file():
                raise Refused("demo-folder", folder=str(self._folder))
            self._stage.end()
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True, mode=0o700)
        (self._folder / _MARKER).touch()

    def keys(self, persons: int) -> None:
        """The warehouse, its keys, its people."""
        self._say("opening", persons=persons, years=f"{_YEARS[0]}–{_YEARS[1]}")
        self._head("keys")
        secret = self._folder / "passphrase"
        secret.write_text(os.urandom(16).hex() + "\n", encoding="ascii")
        secret.chmod(0o600)
        self._type("init", self._session.directory, "--controller", self._words["controller"], "--passphrase-fd", "3")
        with secret.open("rb") as stream:
            people_commands.init(
                self._session,
                self._session.directory,
                controller=self._words["controller"],
                officer_key=self._key("officer"),
                minutes=60,
                passphrase_fd=stream.fileno(),
            )
        for name, roles in _PEOPLE:
            self._type("person add", name, *(f"--role {role}" for role in roles), "--by", "officer.key")
            people_commands.add(self._session, name, role=list(roles), by=[self._key("officer")], key=self._key(name))

    def delivery(self, *, persons: int, seed: int, effect: float) -> None:
        """A delivery with planted truth and planted canaries; a bad one that is refused; the good one brought in."""
        self._head("delivery")
        self._type("synth", self._folder / "synthetic", "--persons", persons, "--seed", seed, "--effect", effect)
        with self._voice.bars() as bars:
            made = self._stage.write_delivery(persons=persons, years=_YEARS, seed=seed, effect=effect, progress=bars)
        events = {arm: made.truth["arms"][arm]["events"] for arm in ("target", "comparator")}
        self._say("delivered", files=made.files, lines=sum(made.lines.values()), effect=effect, **events)
        self._head("bad-delivery")
        bad = self._stage.bad_delivery()
        self._type("ingest", bad)
        error = self._refused(BadInput, lambda: data_commands.ingest(self._session, bad))
        self._stage.remember(self._voice.error_line(error))
        self._head("ingest")
        self._type("ingest", made.delivery)
        with self._voice.bars() as bars:
            done = self._stage.ingest(made.delivery, progress=bars)
        data_commands.show_ingested(self._session, done, most=8)

    def permit(self) -> None:
        """A project dataset, and nothing beyond it."""
        from rempart.wiring.acts import example

        self._head("permit")
        example("glitazones", self._folder / "study")
        file = self._folder / "study" / "permit.toml"
        self._type("permit grant", file, "--key", "claire.key")
        data_commands.grant(self._session, file, key=self._key("claire"))

    def study(self) -> None:
        """A study that asks too much is refused; the permitted one runs shard by shard."""
        self._head("study")
        file = self._folder / "study" / "study.toml"
        greedy = self._stage.greedy_study(file)
        self._type("study run", greedy, "--key", "alice.key")
        self._refused(Refused, lambda: study_commands.run(self._session, greedy, key=self._key("alice")))
        self._say("permitted-study")
        self._type("study run", file, "--key", "alice.key")
        study_commands.run(self._session, file, key=self._key("alice"))

    def release(self) -> None:
        """Two checkers, never the author."""
        self._head("release")
        run = self._stage.newest_run()
        self._type("release submit", run, "--key", "alice.key")
        result_commands.submit(self._session, run, key=self._key("alice"), context=self._words["context"])
        release = self._stage.newest_release()
        self._say("author-votes")
        self._type("release review", release, "--verdict", "approve", "--key", "alice.key")
        self._refused(
            Refused, lambda: result_commands.review(self._session, release, key=self._key("alice"), verdict="approve")
        )
        for name in ("bob", "carol"):
            self._type("release review", release, "--verdict", "approve", "--key", f"{name}.key")
            result_commands.review(self._session, release, key=self._key(name), verdict="approve")
        self._type("release publish", release, "--key", "alice.key")
        result_commands.publish(self._session, release, key=self._key("alice"))

    def verdict(self, effect: float) -> bool:
        """The planted effect against the released estimates."""
        self._head("verdict")
        found = self._stage.estimates()
        told = {
            f"{model}_{name}": self._voice.number(f"{value:.2f}")
            for model, values in found.items()
            for name, value in values.items()
        }
        self._say("estimates", effect=self._voice.number(f"{effect:.2f}"), **told)
        crude, adjusted = found["crude"], found["adjusted"]
        misses = not crude["lower"] <= effect <= crude["upper"]
        covers = adjusted["lower"] <= effect <= adjusted["upper"]
        excludes = not adjusted["lower"] <= 1 <= adjusted["upper"]
        last = ("adjusted-excludes", excludes) if effect != 1 else ("adjusted-null", covers)
        verdicts = [("crude-misses", misses), ("adjusted-covers", covers), last]
        for name, holds in verdicts:
            self._say(name if holds else f"not-{name}")
        return all(holds for _, holds in verdicts)

    def scan(self) -> bool:
        """No canary on the host; every canary on its unsealed twin."""
        self._head("scan")
        with self._voice.bars() as bars:
            sealed = self._stage.scan_host(progress=bars)
            twin = self._stage.scan_twin(progress=bars)
        rows = [
            (self._voice.word("planted-" + what.replace(" ", "-")), needle, sealed.hits[needle], twin.hits[needle])
            for what, needle in self._stage.canaries()
        ]
        self._voice.table(["column-planted", "column-canary", "column-on-host", "column-on-twin"], rows)
        clean, proven = not any(sealed.hits.values()), all(twin.hits.values())
        self._say("scan-clean" if clean else "scan-dirty", files=sealed.files, bytes=sealed.size)
        self._say("scan-proven" if proven else "scan-blind", files=twin.files, bytes=twin.size)
        return clean and proven

    def audit(self) -> bool:
        """Everything recomputed, without a key."""
        self._head("audit")
        self._type("audit verify", "--deep")
        sound = proof_commands.verify(self._session, deep=True) == 0
        seconds = int(time.monotonic() - self._began)
        self._say(
            "closing",
            folder=self._folder,
            released=self._stage.release_folder(),
            minutes=seconds // 60,
            seconds=seconds % 60,
        )
        return sound

    def end(self) -> None:
        """Lock the broker and drop the twin, however the story ended."""
        self._stage.end()

    def _key(self, name: str) -> Path:
        return self._stage.key(name)

    def _say(self, key: str, **facts: object) -> None:
        shown = {
            name: f"{fact:,}".replace(",", " ") if isinstance(fact, int) else str(fact) for name, fact in facts.items()
        }
        self._voice.plain(self._words[key].format(**shown))

    def _head(self, key: str) -> None:
        self._chapter += 1
        self._voice.plain(f"\n{self._chapter}. {self._words['head-' + key]}", style="bold")
        self._say(key)

    def _type(self, command: str, *arguments: object) -> None:
        quoted = " ".join(text if text.startswith("--") else shlex.quote(text) for text in map(str, arguments))
        self._voice.plain(f"\n$ rempart {command} {quoted}", style="cyan")

    def _refused(self, family: type[RempartError], act: Callable[[], int]) -> RempartError:
        """The error that must come; its absence is a failure of the demo."""
        try:
            act()
        except family as error:
            self._voice.error(error)
            return error
        raise Refused("demo-not-refused")
