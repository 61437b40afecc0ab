"""How fast clips are scored: clips per second on one core, in tiled windows, by the simple network with fresh weights.

    python benchmarks/predict.py STORE [--clips 300] [--runs 5] [--json]

``fat2019.scoring.inference.score_clips`` from opening the shards to the clips' scores, in one process bound to one
core. The
first run, in which the graph is made, does not count.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from timing import circumstances, markdown

from fat2019.store.reader import FeatureStore

_COLUMNS = {
    "name": "",
    "clips_per_s": "clips/s",
    "clips_per_s_min": "least",
    "clips_per_s_max": "most",
    "audio_s_per_s": "audio seconds/s",
}


def main() -> None:
    arguments = _parse()
    result = circumstances() | {"runs": arguments.runs, **measure(arguments.store, arguments.clips, arguments.runs)}
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        _print(result)


def measure(path: Path, clips: int, runs: int) -> dict[str, Any]:
    """Score the same clips again and again."""
    _bind_to_one_core()  # before TensorFlow counts the cores

    from fat2019.config.model import ModelConfig
    from fat2019.models.networks import build
    from fat2019.scoring.inference import score_clips

    store = FeatureStore.open(path)
    indices = np.unique(np.linspace(0, len(store.clips) - 1, min(clips, len(store.clips))).astype(np.int64))
    model = build(ModelConfig(), len(store.vocabulary), (store.config.window_frames, store.config.mel_bands))
    seconds = []
    for _ in range(1 + runs):
        began = time.perf_counter()
        score_clips(model, store, indices, windows="tiled")
        seconds.append(time.perf_counter() - began)
    seconds, count = seconds[1:], len(indices)
    audio_s = int(store.clips["samples"].to_numpy()[indices].sum()) / store.config.sample_rate_hz
    return {
        "clips": count,
        "audio_seconds": round(audio_s, 1),
        "rows": [
            {
                "name": "simple, tiled windows",
                "clips_per_s": round(count / statistics.median(seconds), 1),
                "clips_per_s_min": round(count / max(seconds), 1),
                "clips_per_s_max": round(count / min(seconds), 1),
                "audio_s_per_s": round(audio_s / statistics.median(seconds)),
            }
        ],
    }


def _bind_to_one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, metavar="STORE")
    parser.add_argument("--clips", type=int, default=300, help="evenly from all of the store")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser.parse_args()


def _print(result: dict[str, Any]) -> None:
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    print(
        f"{result['date']}, `{result['command']}`, {machine['processor']}, one of {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, {versions}; medians of {result['runs']} runs; "
        f"{result['clips']} clips, {result['audio_seconds']:,} s without silence.\n"
    )
    print(markdown(_COLUMNS, result["rows"]))


if __name__ == "__main__":
    main()
