"""The consumer group as the broker keeps it: members, generations, who owns what, and commits that only owners make."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from driftline.schemas.inputs import Input


class View(Enum):
    """What a member learns from a heartbeat."""

    STABLE = auto()
    REBALANCING = auto()
    """A new generation is being made: finish, then join."""
    STRANGER = auto()
    """The group has gone on without it."""


class Assignment(NamedTuple):
    """What a member is told when a generation begins; it may hear of it long after the group has gone on."""

    generation: int
    partitions: list[int]


@dataclass
class Group:
    rng: random.Random
    partitions: int
    generation: int = 0
    preparing: bool = False
    members: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    owners: dict[int, str] = field(default_factory=dict)
    told: dict[str, Assignment] = field(default_factory=dict)
    committed: dict[int, dict[Input, int]] = field(default_factory=dict)

    def join(self, member: str) -> None:
        """The member waits for the next generation."""
        self.members.add(member)
        self.joined.add(member)
        self.told.pop(member, None)
        self.preparing = True

    def remove(self, member: str) -> None:
        """It left, or has not been heard of for the session timeout."""
        if member in self.members:
            self.members.discard(member)
            self.joined.discard(member)
            self.preparing = True

    def may_complete(self) -> bool:
        return self.preparing and self.joined == self.members

    def complete(self) -> None:
        """Begin the next generation with those who have joined; the others are strangers from now on."""
        self.members = set(self.joined)
        self.joined.clear()
        self.preparing = False
        self.generation += 1
        members = sorted(self.members)
        before, self.owners = self.owners, {}
        for partition in range(self.partitions if members else 0):
            stays = before.get(partition) in self.members and self.rng.random() < 0.6
            self.owners[partition] = before[partition] if stays else self.rng.choice(members)
        for member in members:
            own = [partition for partition, owner in self.owners.items() if owner == member]
            self.told[member] = Assignment(self.generation, own)

    def view(self, member: str, generation: int) -> View:
        if member not in self.members or generation != self.generation:
            return View.STRANGER
        return View.REBALANCING if self.preparing else View.STABLE

    def commit(self, member: str, generation: int, partition: int, next_offsets: Mapping[Input, int]) -> bool:
        """Refused unless the member owns the partition in the current generation."""
        is_owner = self.owners.get(partition) == member and member in self.members
        if not is_owner or generation != self.generation:
            return False
        self.committed[partition] = dict(next_offsets)
        return True
