"""From runs to scores and submissions: `evaluate`, `predict`, `average`."""

import time
from pathlib import Path

import click

from fat2019.cli import options
from fat2019.cli.command import Command
from fat2019.cli.loading import require_file, require_runs
from fat2019.cli.options import PATH, Mean, Windows, as_json
from fat2019.cli.output import print_result
from fat2019.utils.files import require_place
from fat2019.utils.printable import counted
from fat2019.utils.progress import progress
from fat2019.utils.tensorflow import load_tensorflow


@click.command(
    "evaluate",
    cls=Command,
    examples="""
    fat2019 evaluate runs/best
    fat2019 evaluate runs/best --truth test_truth.csv --windows max-energy
    """,
)
@click.argument("run", type=PATH)
@options.truth
@options.store_of_the_run
@options.windows
@as_json
def evaluate(run: Path, truth: Path | None, features: Path | None, windows: Windows, json_: bool) -> None:
    """Score a RUN by LWLRAP on its validation clips, and on test clips whose labels are known."""
    require_runs([run], features)
    require_file(truth)
    load_tensorflow()
    from fat2019.scoring.evaluation import evaluate_run

    with progress("clips") as show:
        result = evaluate_run(run, truth=truth, features=features, windows=windows, progress=show)
    print_result(
        {"run": str(run), "windows": windows, **result},
        json_,
        [
            f"{run}: LWLRAP on {name} {part['lwlrap']:.4f} ({counted(part['clips'], 'clip')})"
            for name, part in result.items()
        ],
    )


@click.command(
    "predict",
    cls=Command,
    examples="""
    fat2019 predict runs/best --sample data/sample_submission.csv
    fat2019 predict runs/a runs/b --mean geometric --weight 2 --weight 1
    """,
)
@click.argument("runs", type=PATH, nargs=-1, required=True)
@options.submission
@click.option(
    "--sample",
    type=PATH,
    default=None,
    help="sample_submission.csv, whose rows and columns are used.",
)
@options.store_of_the_run
@options.windows
@click.option(
    "--mean",
    type=click.Choice(["arithmetic", "geometric"]),
    default="arithmetic",
    help="Mean over windows, and over several runs.",
)
@click.option(
    "--weight",
    "weights",
    type=float,
    multiple=True,
    help="Weight of a run; give one per run, in the same order.  [default: equal]",
)
@click.option("--strict", is_flag=True, help="Stop if a test clip's audio cannot be used.")
@as_json
def predict(
    runs: tuple[Path, ...],
    out: Path,
    sample: Path | None,
    features: Path | None,
    windows: Windows,
    mean: Mean,
    weights: tuple[float, ...],
    strict: bool,
    json_: bool,
) -> None:
    """Score the test clips with one or more RUNS, and write their mean as a submission.

    Runs may use different features: each is scored on the store it was trained on. A test clip whose audio cannot be
    used gets each class's share of the training clips as its scores.
    """
    require_place(out)
    require_runs(runs, features)
    require_file(sample)
    load_tensorflow()
    from fat2019.scoring.evaluation import asked_for, predict_test
    from fat2019.scoring.submission import matching_sample, write_submission

    if sample is not None:  # of other clips, that is told before the clips are scored, not after
        matching_sample(sample, *asked_for(runs[0], features, strict=strict))
    began = time.monotonic()
    with progress("clips") as show:
        fnames, scores, vocabulary = predict_test(
            runs, features=features, windows=windows, mean=mean, weights=weights, strict=strict, progress=show
        )
    write_submission(out, fnames, scores, vocabulary, sample)
    print_result(
        {
            "submission": str(out),
            "clips": len(fnames),
            "runs": [str(run) for run in runs],
            "seconds": round(time.monotonic() - began, 1),
        },
        json_,
        [
            f"{out}: {counted(len(fnames), 'clip')}, {counted(len(vocabulary), 'class')}, "
            f"mean of {counted(len(runs), 'run')}"
        ],
    )


@click.command(
    "average",
    cls=Command,
    examples="""
    fat2019 average a.csv b.csv --out mean.csv
    """,
)
@click.argument("submissions", type=PATH, nargs=-1, required=True)
@options.submission
@click.option(
    "--mean", type=click.Choice(["arithmetic", "geometric"]), default="arithmetic", help="Mean over the files."
)
@click.option(
    "--weight",
    "weights",
    type=float,
    multiple=True,
    help="Weight of a file; give one per file, in the same order.  [default: equal]",
)
@as_json
def average(submissions: tuple[Path, ...], out: Path, mean: Mean, weights: tuple[float, ...], json_: bool) -> None:
    """Average the scores in SUBMISSIONS, CSV files written by `predict`."""
    from fat2019.scoring.submission import average_files

    average_files(submissions, out, mean, weights or None)
    print_result(
        {"submission": str(out), "submissions": [str(one) for one in submissions]},
        json_,
        [f"{out}: mean of {len(submissions)} submissions"],
    )
