"""Many machines as one executor: shards are made by the workers of a ``dask.distributed`` scheduler.

Scheduler, workers and this process see the data set and the store's folder under the same paths (a shared file
system). Workers only write temporary files there; this process alone gives shards their names.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor

from fat2019.errors import DataError
from fat2019.utils.extras import require_extra

_SECONDS_TO_CONNECT = 10


@contextlib.contextmanager
def scheduler_executor(address: str) -> Iterator[Executor]:
    """An executor that runs on the workers of a scheduler, for instance ``tcp://10.0.0.1:8786``.

    A task whose worker dies is given to another one.

    Raises:
        DataError: dask is not installed, or nobody answers at the address, or the scheduler has no workers.
    """
    require_extra("dask", "--scheduler", "distributed")
    from distributed import Client

    try:
        client = Client(address, timeout=_SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: no scheduler answers there ({error}); start one with `dask scheduler`") from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise DataError(f"{address}: this scheduler has no workers; start some with `dask worker {address}`")
        # Pure results would be remembered: a shard made again must be made, not recalled.
        with client.get_executor(pure=False) as executor:
            yield executor
