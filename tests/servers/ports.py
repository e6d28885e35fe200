"""Ports for servers that are started, stopped and started again at the same place."""

from __future__ import annotations

import random
import socket
from typing import Final

_LOW, _HIGH = 15_000, 32_000
"""Below the ports that Linux gives to clients (32,768 and up): such a client could take the port of a stopped server."""

_ATTEMPTS_MAX: Final = 200
_CHANCE: Final = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on now. Another process may take one yet: start again with others then."""
    found: list[int] = []
    for _ in range(_ATTEMPTS_MAX):
        if len(found) == count:
            return found
        port = _CHANCE.randrange(_LOW, _HIGH)
        if port not in found and _is_free(port):
            found.append(port)
    raise OSError(f"no {count} free ports of 127.0.0.1 between {_LOW} and {_HIGH}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
