"""The recipe ``best`` beside the peer on the same store, seed by seed: test LWLRAP against minutes.

    python benchmarks/against_peer.py STORE TRUTH --out DIR [--cpu-minutes 15] [--seed 0 --seed 1 --seed 2]
        [--epochs 90 --epochs 180] [--report-epochs 10]

For each seed in turn: the peer for the given minutes of training; ``best`` for each of the numbers of epochs, which are
to be such that they take half of the peer's minutes, and as many; the report's best recipe from scratch. Minutes are of
all cores together, which other work on the machine disturbs less; the table has those by the clock too, start and
validation included. Finished runs are kept in DIR; ours go on
where they were interrupted, the peer begins anew.
"""

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from timing import circumstances, markdown

from fat2019.utils.files import write_whole

_HERE = Path(__file__).parent
_REPORT = "table-7.1-model-1"  # MobileNetV2, the one of the report's final models that it trains without other data
_COLUMNS = {"name": "", "test": "LWLRAP test", "minutes": "minutes", "cpu_minutes": "CPU minutes", "runs": "seeds"}


def main() -> None:
    arguments = _parse()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, float]]] = {}
    ours = [*(("best", epochs) for epochs in arguments.epochs or (90, 180)), (_REPORT, arguments.report_epochs)]
    for seed in arguments.seed or [0, 1, 2]:
        rows.setdefault(f"peer, {arguments.cpu_minutes:g} CPU minutes", []).append(_peer(arguments, seed))
        for recipe, epochs in ours:
            rows.setdefault(f"{recipe}, {epochs} epochs", []).append(_trained(arguments, recipe, epochs, seed))
        print(f"seed {seed}: {json.dumps({name: of_row[-1] for name, of_row in rows.items()})}", file=sys.stderr)
    table = [_row(name, of_row) for name, of_row in rows.items()]
    if arguments.json:
        print(json.dumps(circumstances() | {"rows": table}))
    else:
        print(markdown(_COLUMNS, table))


def _peer(arguments: argparse.Namespace, seed: int) -> dict[str, float]:
    # Unlike ours, the peer's scores are not recomputed when the command is given again: they are of these labels alone.
    of_truth = hashlib.sha256(arguments.truth.read_bytes()).hexdigest()[:8]
    path = arguments.out / f"peer-{arguments.cpu_minutes:g}-seed-{seed}-{of_truth}.json"
    if not path.is_file():
        given = ["--cpu-minutes", str(arguments.cpu_minutes), "--seed", str(seed), "--parts", "1", "--json"]
        script = str(_HERE / "peer_tagger.py")
        write_whole(path, _output([script, str(arguments.store), str(arguments.truth), *given]))
    last = json.loads(path.read_text())["curve"][-1]
    return {name: last[name] for name in ("test", "minutes", "cpu_minutes")}


def _trained(arguments: argparse.Namespace, recipe: str, epochs: int, seed: int) -> dict[str, float]:
    run = arguments.out / f"{recipe}-{epochs}-seed-{seed}"
    cli = str(_HERE.parent / "cli.py")
    given = ["--recipe", recipe, "--epochs", str(epochs), "--seed", str(seed), "--weights", "none"]
    trained = json.loads(
        _output([cli, "train", "--features", str(arguments.store), "--run", str(run), *given, "--json"])
    )
    scored = json.loads(_output([cli, "evaluate", str(run), "--truth", str(arguments.truth), "--json"]))
    return {
        "test": scored["test"]["lwlrap"],
        "minutes": trained["seconds"] / 60,
        "cpu_minutes": trained["cpu_seconds"] / 60,
    }


def _output(arguments: Sequence[str]) -> str:
    return subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def _row(name: str, of_seeds: Sequence[dict[str, float]]) -> dict[str, Any]:
    scores = [one["test"] for one in of_seeds]
    spread = f" ± {statistics.stdev(scores):.4f}" if len(scores) > 1 else ""
    return {
        "name": name,
        "test": f"{statistics.mean(scores):.4f}{spread}",
        **{key: f"{statistics.mean(one[key] for one in of_seeds):.2f}" for key in ("minutes", "cpu_minutes")},
        "runs": len(scores),
    }


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--cpu-minutes", type=float, default=15.0, help="of the peer")
    parser.add_argument(
        "--epochs", type=int, action="append", help="of best, again for each row; 90 and 180 by default"
    )
    parser.add_argument("--report-epochs", type=int, default=10, help="of the report's recipe")
    parser.add_argument("--seed", type=int, action="append", help="again for each; 0, 1 and 2 by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
