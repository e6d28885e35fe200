"""Names for the array types of the core; shapes are said in docstrings, as numpy cannot say them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

U8: TypeAlias = NDArray[np.uint8]
U16: TypeAlias = NDArray[np.uint16]
U32: TypeAlias = NDArray[np.uint32]
U64: TypeAlias = NDArray[np.uint64]
I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]
F64: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.number[Any]]  # whole numbers of any dtype
Bool: TypeAlias = NDArray[np.bool_]
