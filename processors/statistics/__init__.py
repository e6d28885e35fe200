"""How far a window lies from its reference: one file per statistic, each a kernel with a plain twin beside it.

All kernels read two rows of counts over the same cells (any real dtype, whole counts below 2**53 in total), allocate
nothing, and answer NaN when one of the rows is empty. A slice chooses the cells: `ks_statistic(reference[:64],
counts[:64])`.
"""
