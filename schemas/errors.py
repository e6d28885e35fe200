"""Whose fault it is, by exception type.

    DriftlineError
    |-- ConfigError        the configuration file: all problems at once (driftline.config)
    |-- InputError         a file or column given on the command line
    |-- BadReference       a reference profile that cannot be read or does not fit
    |-- DamagedSnapshot    state that was written and came back different
    `-- JoinStoreError     where predictions wait for their labels
        |-- StoreUnavailable   does not answer, or takes nothing: wait and try again
        |-- StoreDoubtful      may have lost or changed records: open it again, fill it from the logs
        `-- StoreFenced        another writer has opened it since

A bad *record* is never an exception: it is a `Rejection`, counted by its reason. Anything else that is raised is our fault.
"""

from __future__ import annotations


class DriftlineError(Exception):
    """Base of all errors that are explained to the user in one sentence, without a traceback."""


class InputError(DriftlineError):
    """A data file, a column or an argument; the message says what to write instead."""


class BadReference(DriftlineError):
    """A reference profile that cannot be read, or does not fit the model it is used for."""


class DamagedSnapshot(DriftlineError):
    """A snapshot that cannot be used at all; single damaged parts are left out instead (see processors.snapshot)."""


class JoinStoreError(DriftlineError):
    """A join store; it is a cache of the logs, so none of this loses anything or changes a result."""


class StoreUnavailable(JoinStoreError):
    """The store does not answer or takes nothing: down, slow, full, read-only, or it refuses the login. Try again."""


class StoreDoubtful(JoinStoreError):
    """Records may be missing or wrong: flushed, evicted, set back, damaged. Open it again, fill it from the logs."""


class StoreFenced(JoinStoreError):
    """Another writer has opened the store since. Open it again if the partition is still ours; go on from its position."""
