"""How fast the feed delivers windows, beside what the machine can do and beside other ways to the same batches.

    python benchmarks/feed.py [--features STORE] [--runs 5] [--json] [--only REGEX] [--growth] [--overhead]

Everything in the first table delivers batches of 64 windows of 92x80 with their labels. Each row is drawn for half
a second, uncounted, and then for at least a second and a half; all rows in turn make a run, and the figures are
medians over the runs. Feeds made of tf.data are drawn in a loop inside one compiled function, as Keras' ``fit`` does;
the loaders of other frameworks, and one row of ours, by plain iteration. Ratios are to NumPy's gather of the same
windows in the same run.

Without ``--features`` a small store is made from synthetic sounds. Its training clips are repeated in memory until
there are as many as the real data set has.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the command line of fat2019 does

# After the environment is set, and without TensorFlow: processes that a contestant spawns import this file again.
import contestants
from growth import growth_rows
from stores import RepeatedStore, synthetic_store
from timing import InOwnProcess, circumstances, compare, markdown

from fat2019.store.reader import FeatureStore

_RATES = {
    "name": "",
    "windows_per_s": "windows/s",
    "windows_per_s_min": "least",
    "windows_per_s_max": "most",
    "ratio_to_gather": "ratio to gather",
    "ratio_min": "least",
    "ratio_max": "most",
}
_GROWTH = {
    "name": "",
    "windows_per_s": "windows/s",
    "ratio_to_gather": "ratio to gather",
    "start_s": "first batch after, s",
    "peak_memory_ratio": "peak memory / log-mels",
}
_OVERHEAD = {
    "name": "",
    "fed_step_ms": "fed, ms",
    "constant_step_ms": "constant batch, ms",
    "ratio": "ratio",
    "ratio_quartiles": "quartiles",
}


def main() -> None:
    arguments = _parse()
    with tempfile.TemporaryDirectory() as folder:
        result = _measure(arguments, Path(folder))
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        _print(result)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, help="a store with HDF5 and TFRecord files")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--only", type=re.compile, default=re.compile(""), help="rows whose name matches")
    parser.add_argument("--growth", action="store_true", help="measure 1,000 to 250,000 clips as well")
    parser.add_argument("--overhead", action="store_true", help="measure what the feed costs a training step as well")
    return parser.parse_args()


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    features = arguments.features or synthetic_store(folder)
    result = circumstances() | {"store": RepeatedStore(FeatureStore.open(features)).facts(), "runs": arguments.runs}
    with contextlib.ExitStack() as stack:
        groups = []
        for make, *more in _groups(folder):
            _note(f"starting {make.__name__}")
            groups.append(InOwnProcess(make, features, *more))
            stack.callback(groups[-1].close)
        result["rows"] = compare(groups, arguments.runs, arguments.only, _note)
    if arguments.growth:
        result["rows"] += growth_rows(arguments.runs, _note)
    if arguments.overhead:
        from overhead import training_overhead  # TensorFlow, which the others should not have to share the machine with

        result["overhead"] = [training_overhead(features, arguments.runs, _note)]
    return result


def _groups(folder: Path) -> list[tuple[Any, ...]]:
    """What runs in a process of its own, with its arguments; rivals that are not installed are left out."""
    groups: list[tuple[Any, ...]] = [
        (contestants.limits_and_ours,),
        (contestants.report_pipeline, folder / "report"),
        (contestants.tf_data_cache,),
    ]
    optional = {
        "tensorflow_io": (contestants.tensorflow_io, folder / "tensorflow-io"),
        "torch": (contestants.data_loader,),
        "grain": (contestants.grain_dataset,),
        "lhotse": (contestants.lhotse_cuts,),
    }
    return groups + [group for module, group in optional.items() if importlib.util.find_spec(module)]


def _print(result: dict[str, Any]) -> None:
    machine, store = result["machine"], result["store"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    print(
        f"{result['date']}, `{result['command']}`, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}, {versions}; medians of {result['runs']} runs; "
        f"{store['clips']:,} clips ({store['own_clips']:,} repeated), {store['log_mel_bytes'] / 1e6:,.0f} MB of "
        "log-mels.\n"
    )
    print(markdown(_RATES, [row for row in result["rows"] if "start_s" not in row]))
    if grown := [row for row in result["rows"] if "start_s" in row]:
        print("\n" + markdown(_GROWTH, grown))
    if "overhead" in result:
        print("\n" + markdown(_OVERHEAD, result["overhead"]))


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
