"""How fast a store's clips are embedded by YAMNet, beside the original graph on the same clips, one by one.

    python benchmarks/embed.py STORE --original DIR [--runs 5] [--json]

STORE is one of `build-features --config yamnet`; DIR is YAMNet as its makers publish it, a SavedModel that takes a
waveform and gives scores, embeddings and log-mels, or one of Keras that has it as a layer. Ours is `fat2019 embed`,
from stored log-mels to written embeddings. Both begin with clips that are decoded and without silence, and with loaded
weights. They take turns, all cores being theirs; ratios are formed within a round. How far the embeddings are apart is
printed as well.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from timing import circumstances, markdown

import fat2019  # noqa: F401  sets oneDNN before TensorFlow is loaded
from fat2019.store.reader import FeatureStore

_COLUMNS = {"name": "", "seconds": "s", "ratio": "ratio", "cpu_s": "CPU s", "cpu_ratio": "ratio of CPU s"}


def main() -> None:
    arguments = _parse()
    result = circumstances() | {"runs": arguments.runs, **measure(arguments.store, arguments.original, arguments.runs)}
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    machine = result["machine"]
    print(
        f"{result['date']}, `{result['command']}`, {machine['processor']}, {machine['cores']} cores; "
        f"medians of {result['runs']} rounds; {result['clips']} clips, {result['audio_seconds']:,} s without silence; "
        f"relative distance of the embeddings: {result['distance']:.2g}.\n"
    )
    print(markdown(_COLUMNS, result["rows"]))


def measure(path: Path, original: Path, runs: int) -> dict[str, Any]:
    """Both in turn, once to warm up and then ``runs`` times."""
    import tensorflow as tf

    from fat2019.models.embedding import embed_store
    from fat2019.models.pretrained import PretrainedNetwork

    network, graph = PretrainedNetwork("yamnet"), _waveform_function(tf.saved_model.load(str(original)))
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore.open(shutil.copytree(path, Path(folder) / "store"))
        waveforms = [store.audio(fname).astype(np.float32) / 32768 for fname in store.clips["fname"]]
        least = store.config.window_samples
        waveforms = [np.resize(one, max(len(one), least)) for one in waveforms]
        theirs: list[np.ndarray] = []

        def ours() -> None:
            shutil.rmtree(store.path / "embeddings-yamnet", ignore_errors=True)
            embed_store(store, network)

        def original_graph() -> None:
            theirs[:] = [graph(waveform)[1].numpy() for waveform in waveforms]

        rounds = [[_timed(ours), _timed(original_graph)] for _ in range(1 + runs)][1:]
        distance = _distance(store, theirs)
    ours_s, theirs_s = ([of_round[side] for of_round in rounds] for side in (0, 1))
    return {
        "clips": len(waveforms),
        "audio_seconds": round(sum(map(len, waveforms)) / store.config.sample_rate_hz),
        "distance": distance,
        "rows": [
            _row("fat2019 embed", ours_s, ours_s),
            _row("the original graph, clip by clip", theirs_s, ours_s),
        ],
    }


def _waveform_function(loaded: Any) -> Callable[[np.ndarray], Any]:
    layers = (getattr(getattr(loaded, name, None), "layer", None) for name in dir(loaded))
    return next((layer._func for layer in layers if hasattr(layer, "_func")), loaded)


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU time."""
    began, cpu_began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu_began


def _distance(store: FeatureStore, theirs: list[np.ndarray]) -> float:
    """Of each clip's first embedding, which sees the same samples on both sides, relative to its length."""
    ours = store.embeddings("yamnet")
    pairs = [(ours[clip][0].astype(np.float32), one[0]) for clip, one in enumerate(theirs)]
    return float(np.median([np.linalg.norm(one - other) / np.linalg.norm(other) for one, other in pairs]))


def _row(name: str, timings: list[tuple[float, float]], ours: list[tuple[float, float]]) -> dict[str, Any]:
    ratios = [(one[0] / own[0], one[1] / own[1]) for one, own in zip(timings, ours, strict=True)]
    return {
        "name": name,
        "seconds": round(statistics.median(seconds for seconds, _ in timings), 2),
        "ratio": round(statistics.median(ratio for ratio, _ in ratios), 1),
        "cpu_s": round(statistics.median(cpu_s for _, cpu_s in timings), 2),
        "cpu_ratio": round(statistics.median(ratio for _, ratio in ratios), 1),
    }


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, metavar="STORE")
    parser.add_argument("--original", type=Path, required=True, metavar="DIR", help="SavedModel of YAMNet")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
