"""A process that builds stores on command and may be killed at any moment: ``python -m tests.faults.builder``.

Each line of standard input is a JSON object of options. A child is forked for it, so that loading the libraries is
paid once; its pid is answered at once, and [exit status (negative: the signal), message] when it is gone. Before the
first line, ``ready`` says that the libraries are loaded.
"""

import json
import os
import resource
import sys
import traceback
from pathlib import Path

import numpy as np

from fat2019.audio.logmel import log_mel
from fat2019.config.features import FeatureConfig
from fat2019.errors import DataError
from fat2019.store.building.builder import build_features
from tests.faults.sounds import A_SHARD, data_set


def build(
    data: str,
    out: str,
    formats: tuple[str, ...] = ("hdf5", "tfrecord"),
    workers: int = 1,
    largest_file: int | None = None,
) -> str:
    """The message of the error, or nothing."""
    if largest_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    try:
        build_features(
            data_set(Path(data)), Path(out), FeatureConfig(), formats=formats, workers=workers, clips_a_shard=A_SHARD
        )
    except DataError as error:
        return str(error)
    return ""


def main() -> None:
    log_mel(np.zeros(1024, np.int16))
    print("ready", flush=True)
    for line in sys.stdin:
        receiver, sender = os.pipe()  # no file: its size may be limited
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                message = build(**json.loads(line))
                os.write(sender, message.encode())
                status = 2 if message else 0
            except BaseException:
                os.write(sender, traceback.format_exc().encode())
            finally:
                os._exit(status)
        os.close(sender)
        print(pid, flush=True)
        with os.fdopen(receiver, encoding="utf-8") as messages:
            message = messages.read()
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), message]), flush=True)


if __name__ == "__main__":
    main()
