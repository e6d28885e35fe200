"""The dance: three workers under constant load, killed, stopped, frozen and started in seeded random order.

    python -m tests.faults.dance --rounds 20 --seed 7

In the end the state of every partition and all that was written have to be what an offline recompute of the topics says.
Prints one line a round and a summary; the exit code is 1 when anything was lost, counted twice or changed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from typer import echo

from driftline.config.broker_settings import TopicSettings
from tests.faults.crew import Crew
from tests.faults.load import constant_load
from tests.servers.kafka import KafkaServer
from tests.streaming.recompute import assert_live_equals_replay
from tests.streaming.stage import LOG_APPEND_TIME, MODELS, SESSION_TIMEOUT_S, Stage

PARTITIONS: Final = 6
ZOMBIE_S: Final = 2 * SESSION_TIMEOUT_S

LIVE_MODELS: Final = {
    **MODELS,
    "windows": ["2s", "10s"],
    "lateness": "2s",
    "idle_after": "20s",
    "dedup": 4096,
    "events_per_week": 300_000_000,
}
"""Windows that close while one watches, and ticks when the load stops."""

Action = Callable[["Dance", str], str]


class Dance:
    """`act` does one round and says what it did."""

    def __init__(self, crew: Crew, rng: random.Random) -> None:
        self.crew, self.rng = crew, rng
        self.stops_s: list[float] = []
        self.since = time.monotonic()
        """when the last fault happened"""
        self.frozen: threading.Timer | None = None
        self._deck: list[str] = []
        self.done: Counter[str] = Counter()

    def act(self) -> str:
        """A start where one is down, more often than not; else something bad to one that runs. Never to the last one."""
        crew, rng = self.crew, self.rng
        if crew.down and (len(crew.alive) == 1 or rng.random() < 0.6):
            name = rng.choice(crew.down)
            crew.start(name)
            return f"start {name}"
        name = rng.choice(sorted(crew.alive))
        kind = self._next_kind()
        self.done[kind] += 1
        return f"{kind} {name}{_ACTIONS[kind](self, name)}"

    def _next_kind(self) -> str:
        """All in equal numbers, in random order; a double kill only where one is left after it."""
        if not self._deck:
            self._deck = [*_ACTIONS, "kill"]
            self.rng.shuffle(self._deck)
        kind = self._deck.pop()
        return "kill" if kind == "double kill" and len(self.crew.alive) < 3 else kind

    def kill(self, name: str) -> str:
        self.crew.kill(name)
        return ""

    def kill_and_start(self, name: str) -> str:
        self.crew.kill(name)
        self.crew.start(name)
        return ""

    def double_kill(self, name: str) -> str:
        self.crew.kill(name)
        time.sleep(self.rng.uniform(0, 2 * SESSION_TIMEOUT_S))  # in the midst of the rebalance, or just after it
        other = self.rng.choice(sorted(self.crew.alive))
        self.crew.kill(other)
        self.since = time.monotonic()
        return f" {other}"

    def term(self, name: str) -> str:
        worker = self.crew.alive[name]
        begun = worker.has_begun
        code, took_s = self.crew.terminate(name)
        self.stops_s.append(took_s)
        # before it has begun, a signal ends it as it ends any program
        assert code == 0 or not begun, f"SIGTERM ended {name} with code {code}:\n{worker.end_of_log()}"
        return f" ({took_s:.1f} s)"

    def zombie(self, name: str) -> str:
        self.frozen = self.crew.freeze(name, ZOMBIE_S)
        return ""


_ACTIONS: Final[dict[str, Action]] = {
    "kill": Dance.kill,
    "kill and start": Dance.kill_and_start,
    "double kill": Dance.double_kill,
    "term": Dance.term,
    "zombie": Dance.zombie,
}


def dance(stage: Stage, rounds: int, seed: int, rate: int, say: Callable[[str], object] = echo) -> None:
    """`say` takes the table and the summary. Raises AssertionError for any difference, and for a partition that is stuck."""
    crew, rng = Crew(stage), random.Random(seed)
    steps = Dance(crew, rng)
    began = time.monotonic()
    waits: dict[str, list[float]] = {}
    with constant_load(stage, rate):
        crew.start_all()
        say(f"seed {seed}: all partitions are read after {crew.caught_up(stage.ends(), time.monotonic()):.1f} s")
        while steps.done.total() < rounds or crew.down:
            time.sleep(rng.uniform(0.2, 2.0))
            goal, steps.since = stage.ends(), time.monotonic()
            did = steps.act() if steps.done.total() < rounds else _start_one(crew)
            took_s = crew.caught_up(goal, steps.since)
            if steps.frozen is not None:
                steps.frozen.join()
            if rng.random() < 0.7:
                crew.all_ready()  # else the next one hits workers that are still joining
            waits.setdefault(did.split(" ")[0], []).append(took_s)
            say(f"{steps.done.total():3} {did:28} all partitions caught up after {took_s:5.1f} s")
    crew.caught_up(stage.ends(), time.monotonic())
    for name in sorted(crew.alive):
        steps.term(name)
    stage.kill_workers()
    agreed = assert_live_equals_replay(stage)
    say(
        f"{rounds} rounds in {time.monotonic() - began:.0f} s: {dict(steps.done)}\n"
        f"{agreed.records:,} records: 0 lost, 0 counted twice, the state of {stage.partitions} partitions as recomputed\n"
        f"{agreed.outputs:,} outputs as recomputed; {agreed.written_again:,} were written again, with the same bytes\n"
        f"longest wait after: {', '.join(f'{kind} {max(times):.1f} s' for kind, times in waits.items())} "
        f"(session timeout {SESSION_TIMEOUT_S:.0f} s, zombies frozen for {ZOMBIE_S:.0f} s)\n"
        f"SIGTERM: longest {max(steps.stops_s):.1f} s; workers that ended by themselves: {crew.exits or 'none'}"
    )


def _start_one(crew: Crew) -> str:
    name = crew.down[0]
    crew.start(name)
    return f"start {name}"


def stage_of_the_dance(server: KafkaServer, folder: Path, **changes: object) -> Stage:
    """Topics with the broker's record times, and a configuration with short windows."""
    topics = TopicSettings()
    arguments = {"partitions": PARTITIONS, "models": LIVE_MODELS, "worker": {"snapshot_every": "1s"}, **changes}
    stage = Stage(server.bootstrap_servers, topics, folder, **arguments)  # type: ignore[arg-type]
    stage.create_topics(LOG_APPEND_TIME)
    return stage


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--rate", type=int, default=3_000, help="predictions a second")
    parser.add_argument("--folder", type=Path, help="where logs and data are kept; without it they go")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with KafkaServer(folder / "kafka") as server:
            stage = stage_of_the_dance(server, folder)
            try:
                dance(stage, given.rounds, given.seed, given.rate)
            except AssertionError as error:
                echo(
                    f"FAILED: {error}\nagain: python -m tests.faults.dance --rounds {given.rounds} --seed {given.seed}"
                )
                return 1
            finally:
                stage.kill_workers()
    return 0


if __name__ == "__main__":
    sys.exit(main())
