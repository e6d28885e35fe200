"""How kernels are compiled that make no arrays."""

from __future__ import annotations

import functools
from typing import Any, Final

from numba import njit

njit_uncounted: Final[Any] = functools.partial(njit, cache=True, nogil=True, _nrt=False)
"""`njit` for a kernel that makes no array and returns none: it only works on those it is given.

numba counts the references to an array each time a function takes it, or takes it out of a tuple. These atomic operations
are several times the work of a small function, and for nothing: whoever calls a kernel holds its arrays. A kernel that
does make an array does not compile like this.
"""
