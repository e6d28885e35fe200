"""Whose fault it is, by exception type.

    DriftlineError
    |-- ConfigError        the configuration file: all problems at once (driftline.config)
    |-- InputError         a file or column given on the command line
    |-- BadReference       a reference profile that cannot be read or does not fit
    `-- DamagedSnapshot    state that was written and came back different

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
