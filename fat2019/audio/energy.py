"""Exact energies of stretches of int16 samples, on which silence removal and the choice of windows rest."""

import numpy as np
from numpy.typing import NDArray

_BLOCK_SAMPLES = 1 << 16  # their float64 squares stay in a core's cache


def energy_of_rows(rows: NDArray[np.int16]) -> NDArray[np.int64]:
    """The sum of the squares of each row.

    Args:
        rows: int16 ``(rows, width)``, a width up to 2**23.

    Returns:
        int64 ``(rows,)``, exact.
    """
    # Such a row's sum stays within 2**53, so floats are exact, and a product with ones adds short rows fastest.
    energy, ones = np.empty(len(rows), np.float64), np.ones(rows.shape[1])
    block_rows = max(1, _BLOCK_SAMPLES // rows.shape[1])
    for first in range(0, len(rows), block_rows):
        block = slice(first, first + block_rows)
        np.matmul(np.square(rows[block], dtype=np.float64), ones, out=energy[block])
    return energy.astype(np.int64)
