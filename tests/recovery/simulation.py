"""A seeded simulation of workers, broker and group: `python -m tests.recovery.simulation SEED` repeats one.

A seed decides everything: the logs, how likely each fault is, and at every step who runs next. Workers die between any two
records they send, sleep through rebalances and go on as zombies, see stale, doubled and missing fetches, get no answer to
commits, are cut off in mid-snapshot; the snapshots topic is compacted, and under some seeds damaged. Then the world becomes
calm, and what is there in the end must be what an offline computation gives.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter

from driftline.processors.recovery.restore import choose
from driftline.schemas.inputs import Input
from tests.recovery.cuts import compacted
from tests.recovery.damage import damage
from tests.recovery.kinds import Kind, Real, Toy
from tests.recovery.variants import SOUND, Variant
from tests.recovery.worker import Holding, Worker
from tests.recovery.world import Faults, Violation, World

WORKERS_MAX = 4
CALM_STEPS_MAX = 60_000
"""Far more than any seed needs: beyond that the workers hang."""


class Simulation:
    """One seed."""

    def __init__(self, seed: int, kind: Kind | None = None, variant: Variant = SOUND) -> None:
        self.rng = random.Random(seed)
        self.world = World(self.rng, kind or Toy(), variant)
        self.workers: list[Worker] = []
        self.dead: list[Worker] = []
        self.born = 0
        self.finals: dict[int, bytes] = {}

    def run(self) -> Counter[str]:
        """Raises Violation; gives back which roads were taken."""
        try:
            self._run()
        finally:
            for worker in self.workers:
                worker.kill()
        return self.world.counts

    def _run(self) -> None:
        for _ in range(self.rng.randrange(200, 2_500)):
            self._fault()
            self._step()
        self._calm()
        self._until(self._at_rest, "the workers never catch up")
        holdings = [self._holding_of_owner(p) for p in range(self.world.partitions)]
        states = [holding.state.state() for holding in holdings if holding is not None]
        for worker in self.workers:
            worker.stopping = True
        self._until(lambda: not self.workers, "the workers never stop")
        for partition, state in enumerate(states):
            self._verify(partition, state)

    # -- who runs next -------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """One step of one task, or one record that arrives, or some that are published."""
        tasks = [task for worker in self.workers for task in worker.tasks()]
        senders = [worker for worker in (*self.workers, *self.dead) if worker.producer.busy]
        at = self.rng.randrange(len(tasks) + len(senders) + 1)
        if at < len(tasks):
            tasks[at].step()
        elif at < len(tasks) + len(senders):
            for _ in range(self.rng.choice([1, 1, 8])):
                senders[at - len(tasks)].producer.deliver()
        else:
            self._publish()
            if self.world.group.may_complete():
                self.world.group.complete()
        self.workers = [worker for worker in self.workers if worker.alive]

    def _publish(self) -> None:
        log = self.rng.choice(list(self.world.logs.inputs.values()))
        log.visible = min(len(log.records), log.visible + self.rng.randrange(3))

    # -- what goes wrong -----------------------------------------------------------------------------------------------

    def _fault(self) -> None:
        faults, rng, world = self.world.faults, self.rng, self.world
        if len(self.workers) < WORKERS_MAX and rng.random() < (0.005 if self.workers else 0.2):
            self._start()
        for worker in list(self.workers):
            self._fault_of(worker)
        if world.group.preparing and rng.random() < faults.rebalance_timeout:
            world.group.complete()
        if rng.random() < faults.compaction:
            world.logs.compact(rng, rng.randrange(world.partitions))
        if rng.random() < faults.damage:
            world.undamaged = False
            world.count(damage(rng, world.logs.snapshots[rng.randrange(world.partitions)]))

    def _fault_of(self, worker: Worker) -> None:
        faults, rng = self.world.faults, self.rng
        if worker.doomed or rng.random() < faults.crash:
            self._kill(worker)
        elif rng.random() < faults.crash / 2:
            worker.stopping = True
        elif worker.asleep and rng.random() < faults.wake:
            worker.asleep = False
        elif worker.asleep and rng.random() < 0.03:
            self.world.group.remove(worker.name)
        elif rng.random() < faults.sleep:
            worker.asleep = True

    def _start(self) -> None:
        self.born += 1
        self.workers.append(Worker(self.world, f"w{self.born}"))

    def _kill(self, worker: Worker) -> None:
        worker.kill()
        self.world.count("crash")
        self.workers.remove(worker)
        self.dead.append(worker)

    def _calm(self) -> None:
        """No more faults; whoever is missing is missed by the group, whoever sleeps wakes up."""
        world = self.world
        world.faults = Faults.none()
        alive = {worker.name for worker in self.workers}
        for member in sorted(world.group.members - alive):
            world.group.remove(member)
        for worker in self.workers:
            worker.asleep, worker.doomed = False, False
        if not any(not worker.stopping for worker in self.workers):
            self._start()
        for log in world.logs.inputs.values():
            log.visible = len(log.records)

    # -- how it ends ---------------------------------------------------------------------------------------------------

    def _until(self, done: object, otherwise: str) -> None:
        for _ in range(CALM_STEPS_MAX):
            if done():  # type: ignore[operator]
                return
            self._step()
            for member in self.world.group.members - {worker.name for worker in self.workers}:
                self.world.group.remove(member)
        raise Violation(otherwise)

    def _at_rest(self) -> bool:
        group, world = self.world.group, self.world
        if group.preparing or any(worker.stopping for worker in self.workers):
            return False
        for partition in range(world.partitions):
            holding = self._holding_of_owner(partition)
            if holding is None or any(holding.state.next[i] < world.logs.inputs[partition, i].end for i in Input):
                return False
        return not any(worker.producer.busy for worker in (*self.workers, *self.dead))

    def _holding_of_owner(self, partition: int) -> Holding | None:
        """None as long as the owner has not taken the partition over."""
        group = self.world.group
        owner = next((worker for worker in self.workers if worker.name == group.owners.get(partition)), None)
        holding = owner.holdings.get(partition) if owner else None
        return holding if holding and holding.generation == group.generation else None

    def _verify(self, partition: int, state: bytes) -> None:
        world = self.world
        ends = {each: world.logs.inputs[partition, each].end for each in Input}
        expected, said = world.expected(partition, ends)
        if state != expected:
            raise Violation(f"the state of partition {partition} differs from an offline computation")
        if set(world.logs.outputs[partition]) != set(said):
            raise Violation(f"outputs of partition {partition} are missing, too many or different")
        if world.group.committed.get(partition) != ends:
            raise Violation(f"partition {partition} was stopped cleanly, and its committed offsets are not its end")
        found = choose(partition, compacted(world.logs.snapshots[partition]))
        if not world.undamaged:
            return  # a chunk that was lost and has not changed since is missing in every later snapshot of its epoch
        if not found or dict(found[0].next_offsets) != ends or world.restore(found[0]).state() != expected:
            raise Violation(f"partition {partition} was stopped cleanly, and its last snapshot is not its end")


def simulate(seed: int, kind: Kind | None = None, variant: Variant = SOUND) -> Counter[str]:
    """Run one seed. A Violation names it, and so does anything else that goes wrong in the code under test."""
    try:
        return Simulation(seed, kind, variant).run()
    except (AssertionError, LookupError, RuntimeError, TypeError, ValueError) as wrong:
        real = " --real" if isinstance(kind, Real) else ""
        again = f"repeat with: python -m tests.recovery.simulation {seed}{real}"
        raise Violation(f"{type(wrong).__name__}: {wrong} ({again})") from wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", type=int, help="the seed, or the first of several")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from this one on")
    parser.add_argument("--real", action="store_true", help="the partitions of a worker instead of toys")
    arguments = parser.parse_args()
    kind = Real() if arguments.real else Toy()
    counts: Counter[str] = Counter()
    started = time.monotonic()
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        counts += simulate(seed, kind)
    sys.stdout.write(f"{arguments.seeds} seeds in {time.monotonic() - started:.1f} s: 0 differences\n")
    for what, n in sorted(counts.items()):
        sys.stdout.write(f"{n:9,} {what}\n")


if __name__ == "__main__":
    main()
