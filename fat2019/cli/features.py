"""From audio to a feature store: `demo`, `build-features`, `info`, `verify`."""

import contextlib
import dataclasses
import logging
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fat2019.cli import options
from fat2019.cli.command import Command
from fat2019.cli.loading import DATA_SET, STORE, STORE_OR_RUN, require_folder_place, require_there
from fat2019.cli.options import PATH, Some, as_json, some_columns, validation_share
from fat2019.cli.output import epoch_line, print_result, say_what_was_found
from fat2019.config.features import DTYPES, NAMED, SPLITS
from fat2019.models.weights import PRETRAINED, require_pretrained
from fat2019.store.formats import FORMATS
from fat2019.utils.printable import counted
from fat2019.utils.progress import progress
from fat2019.utils.tensorflow import load_tensorflow

if TYPE_CHECKING:
    pass

_FORMATS = {**{name: (name,) for name in FORMATS}, "both": FORMATS}


@click.command(
    "demo",
    cls=Command,
    examples="""
    fat2019 demo
    fat2019 demo --out demo --epochs 5 --seed 1
    """,
)
@click.option("--out", type=PATH, default=Path("demo"), help="Folder for all output.")
@click.option("--epochs", type=click.IntRange(1), default=25, help="Epochs of training.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Seed of the sounds and of the training.")
@as_json
def demo(out: Path, epochs: int, seed: int, json_: bool) -> None:
    """Run the whole pipeline on a small synthetic data set: features, training, submission, score."""
    require_folder_place(out)
    load_tensorflow()
    from fat2019.experiments.demo import run_demo

    result = run_demo(out, epochs=epochs, seed=seed, progress=progress, report=epoch_line([epochs]))
    print_result(
        result,
        json_,
        [
            f"LWLRAP on validation {result['validation_lwlrap']:.4f}, on test {result['test_lwlrap']:.4f} "
            f"(by chance {result['chance_lwlrap']:.4f})",
            f"submission: {result['submission']}",
            f"in {result['seconds']:.0f} s",
        ],
    )


@click.command(
    "build-features",
    cls=Command,
    examples="""
    fat2019 build-features data --out features/fat2019
    fat2019 build-features data --format both --workers 4
    fat2019 build-features data --repair
    """,
)
@click.argument("data", type=PATH)
@click.option("--out", type=PATH, default=Path("features/fat2019"), help="The store's folder.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(_FORMATS)),
    default="hdf5",
    help="Format of shards: HDF5 is cached in memory for training, TFRecord can also be streamed.",
)
@click.option(
    "--config", type=click.Choice(list(NAMED)), default="report", help="Log-mel settings: sample rate, bands, windows."
)
@click.option(
    "--dtype", type=click.Choice(DTYPES), default=None, help="Data type of stored log-mels.  [default: by --config]"
)
@click.option("--workers", type=click.IntRange(1), default=None, help="Number of processes.  [default: one per core]")
@click.option(
    "--scheduler",
    default=None,
    metavar="ADDRESS",
    help="Build on the workers of a Dask scheduler, such as tcp://10.0.0.1:8786.",
)
@click.option(
    "--splits",
    type=Some(SPLITS, "SPLITS"),
    default=None,
    help="Any of curated,noisy,test.  [default: all that exist]",
)
@options.layout
@click.option(
    "--columns",
    callback=some_columns,
    default=None,
    metavar="name=COLUMN,labels=COLUMN",
    help="Columns of the table, if they have unusual names; also split, fold, group.",
)
@click.option("--keep-known-bad", is_flag=True, help="Keep curated clips that are known to be mislabelled.")
@click.option("--strict", is_flag=True, help="Stop at the first unusable clip instead of leaving it out.")
@click.option("--repair", is_flag=True, help="Rebuild missing and damaged shards, and retry unusable clips.")
@as_json
def build_features(
    data: Path,
    out: Path,
    format_: str,
    config: str,
    dtype: str | None,
    workers: int | None,
    scheduler: str | None,
    splits: tuple[str, ...] | None,
    layout: str | None,
    columns: dict[str, str] | None,
    keep_known_bad: bool,
    strict: bool,
    repair: bool,
    json_: bool,
) -> None:
    """Build a feature store from the audio files of DATA: desilenced 16 kHz audio and log-mels.

    DATA is a folder of FSDKaggle2019 (from Kaggle or Zenodo), FSDKaggle2018, ESC-50, UrbanSound8K or FSD50K, a Hugging
    Face audiofolder, a folder with one subfolder per class, or one with audio and a label table. Run the same command
    again to resume, or to update the store after a change of DATA.
    """
    require_there(DATA_SET, data)
    from fat2019.data.data_set import find_data_set
    from fat2019.store.building.builder import build_features as build

    if scheduler:  # whose workers have another working directory
        data, out = data.resolve(), out.resolve()
    data_set = find_data_set(data, layout=layout, splits=splits, keep_known_bad=keep_known_bad, columns=columns)
    say_what_was_found(data_set)
    with progress("clips") as show, _executor(scheduler) as executor:
        summary = build(
            data_set,
            out,
            dataclasses.replace(NAMED[config], dtype=dtype or NAMED[config].dtype),
            formats=_FORMATS[format_],
            workers=workers,
            executor=executor,
            strict=strict,
            repair=repair,
            progress=show,
        )
    result = dataclasses.asdict(summary)
    if summary.up_to_date:
        lines = [f"{out}: up to date, {counted(summary.clips, 'clip')}"]
    else:
        lines = [
            f"{out}: {counted(summary.clips, 'clip')} in {summary.seconds:.1f} s; "
            f"shards: {summary.shards_built} built, {summary.shards_reused} kept, {summary.shards_removed} removed",
            f"audio {summary.audio_seconds_before / 3600:.2f} h, without silence "
            f"{summary.audio_seconds_after / 3600:.2f} h",
        ]
        lines += _copies(out)
    lines += [f"changed when read: {fname}: {note}" for fname, note in summary.notes[:10]]
    if len(summary.notes) > 10:
        lines.append(f"changed when read: {len(summary.notes) - 10} more clips (info lists them all with --json)")
    lines += [f"left out: {fname}: {reason}" for fname, reason in summary.quarantined]
    print_result(result, json_, lines)


@click.command(
    "embed",
    cls=Command,
    examples="""
    fat2019 embed features/sounds-yamnet
    fat2019 embed features/sounds-yamnet --json
    """,
)
@click.argument("store", type=PATH)
@click.option(
    "--network",
    type=click.Choice(list(PRETRAINED)),
    default="yamnet",
    help="Pretrained network; its weights are downloaded once.",
)
@as_json
def embed(store: Path, network: str, json_: bool) -> None:
    """Compute a pretrained network's embedding of every window in STORE, and write them to STORE/embeddings-NETWORK.

    The store must have the features of that network (`build-features --config yamnet`). Run the same command again to
    resume from the last finished shard, or after a build that changed the store.
    """
    require_there(STORE, store)
    from fat2019.store.reader import FeatureStore

    opened = FeatureStore.open(store)
    require_pretrained(network)
    load_tensorflow()
    from fat2019.models.embedding import embed_store
    from fat2019.models.pretrained import PretrainedNetwork

    with progress("clips") as show:
        summary = embed_store(opened, PretrainedNetwork(network), show)
    print_result(
        dataclasses.asdict(summary),
        json_,
        [
            f"{summary.folder}: {counted(summary.tiles, 'embedding')} of {counted(summary.clips, 'clip')} in "
            f"{summary.seconds:.1f} s; shards: {summary.shards_embedded} embedded, {summary.shards_kept} kept"
        ],
    )


@click.command(
    "info",
    cls=Command,
    examples="""
    fat2019 info features/fat2019
    fat2019 info features/fat2019 --balance
    """,
)
@click.argument("store", type=PATH)
@validation_share
@click.option("--balance", is_flag=True, help="Also print each class's clip count and share in validation.")
@as_json
def info(store: Path, validation_share: float, balance: bool, json_: bool) -> None:
    """Describe a feature STORE, and how evenly an iterative and a plain random split would divide its labels."""
    require_there(STORE, store)
    from fat2019.store.info import describe, describe_balance
    from fat2019.store.reader import FeatureStore

    opened = FeatureStore.open(store)
    result, lines = describe(opened)
    if balance:
        result["balance"], more = describe_balance(opened, validation_share)
        lines += more
    print_result(result, json_, lines)


@click.command(
    "verify",
    cls=Command,
    examples="""
    fat2019 verify features/fat2019
    fat2019 verify features/fat2019 --deep
    fat2019 verify features/fat2019 --audit 50 --data DATA
    """,
)
@click.argument("store", type=PATH, metavar="STORE_OR_RUN")
@click.option("--deep", is_flag=True, help="Also recompute every clip's features, or load the run's network.")
@click.option(
    "--audit",
    "audited",
    type=click.IntRange(1),
    default=None,
    metavar="CLIPS",
    help="Instead recompute this many random clips of --data with librosa and pydub (extra [audit]), and compare.",
)
@click.option("--data", type=PATH, default=None, help="Data set that the store was built from, for --audit.")
@as_json
def verify(store: Path, deep: bool, audited: int | None, data: Path | None, json_: bool) -> None:
    """Check every file of a feature store or a run against its checksum; exit status 1 if anything is wrong."""
    if (audited is None) != (data is None):
        raise click.UsageError("--audit and --data go together")
    require_there(STORE_OR_RUN, store)
    if audited is not None and data is not None:
        _audit(store, data, audited, json_)
        return
    from fat2019.runs.verify import is_run, verify_run
    from fat2019.store.verify import Problem
    from fat2019.store.verify import verify as check

    if is_run(store):
        if deep:
            load_tensorflow()
        problems = [Problem(None, None, message) for message in verify_run(store, deep=deep)]
    else:
        problems = check(store, deep=deep)
    print_result(
        {"store": str(store), "problems": [dataclasses.asdict(problem) for problem in problems]},
        json_,
        [": ".join(str(part) for part in dataclasses.astuple(problem) if part) for problem in problems]
        or [f"{store}: no damage found"],
    )
    if problems:
        for way in _ways_to_mend(store, [problem.message for problem in problems]):
            logging.getLogger("fat2019").info("to repair: %s", way)
        sys.exit(1)


def _ways_to_mend(path: Path, messages: Sequence[str]) -> Iterator[str]:
    """Commands against what `verify` found in a store or a run."""
    from fat2019.runs.verify import is_run
    from fat2019.store.embeddings import PREFIX

    if is_run(path):
        yield "put the run's own file back, or remove the run's folder and train it again"
        return
    of_embeddings = [message for message in messages if f"{path / PREFIX}" in message]
    if len(of_embeddings) < len(messages):
        yield f"fat2019 build-features DATA --out {shlex.quote(str(path))} --repair"
    if of_embeddings:
        yield f"fat2019 embed {shlex.quote(str(path))}"


def _copies(out: Path) -> list[str]:
    from fat2019.store.copies import copy_of, describe_copies
    from fat2019.store.reader import FeatureStore

    store = FeatureStore.open(out)
    line = describe_copies(store, copy_of(store))
    return [line] if line else []


def _audit(store: Path, data: Path, clips: int, json_: bool) -> None:
    """Print how far clips of a store lie from those made the slow way; exit status 1 if that is more than rounding."""
    import pandas as pd

    from fat2019.data.data_set import find_data_set
    from fat2019.store.audit import audit
    from fat2019.store.reader import FeatureStore

    with progress("clips") as show:
        results = audit(FeatureStore.open(store), find_data_set(data), clips, progress=show)
    table = pd.DataFrame([{**dataclasses.asdict(result), "agrees": result.agrees} for result in results])
    bad = table[~table["agrees"]]
    lines = [
        (bad if len(bad) else table).to_string(index=False),
        f"{store}: {len(table) - len(bad)} of {len(table)} clips are those of librosa and pydub, within rounding",
    ]
    print_result({"store": str(store), "clips": table.to_dict("records")}, json_, lines)
    if len(bad):
        sys.exit(1)


def _executor(scheduler: str | None) -> contextlib.AbstractContextManager[Any]:
    if scheduler is None:
        return contextlib.nullcontext()
    from fat2019.store.building.dask import scheduler_executor

    return scheduler_executor(scheduler)
