"""To see, hear and use: `explore`, `report`, `tag`, `serve`, `export`."""

import json
import logging
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fat2019.cli import options
from fat2019.cli.command import Command
from fat2019.cli.loading import RUN, SOUNDS_OR_STORE, require_port, require_run, require_runs, require_there
from fat2019.cli.options import PATH, as_json
from fat2019.cli.output import complain, print_result, print_text
from fat2019.errors import DataError
from fat2019.models.weights import PRETRAINED, require_pretrained
from fat2019.utils.extras import require_extra
from fat2019.utils.files import require_place
from fat2019.utils.printable import counted, one_line
from fat2019.utils.progress import progress
from fat2019.utils.tensorflow import load_tensorflow

if TYPE_CHECKING:
    from fat2019.serving.tagger import Tagger

log = logging.getLogger(__name__)

_SKIPPED_NAMED = 5


@click.command(
    "explore",
    cls=Command,
    examples="""
    fat2019 explore features/fat2019 --out explore.html
    fat2019 explore features/fat2019 --data data --examples 5
    """,
)
@click.argument("source", type=PATH)
@click.option("--out", type=PATH, default=Path("explore.html"), help="The page to write.")
@click.option(
    "--data",
    type=PATH,
    default=None,
    help="Data set that the store was built from, to show the original recordings.",
)
@options.layout
@options.figures
@click.option("--examples", type=click.IntRange(0), default=3, help="Clips to show per split.")
@options.validation_share
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Seed for choosing clips and windows.")
@as_json
def explore(
    source: Path,
    out: Path,
    data: Path | None,
    layout: str | None,
    figures: Path | None,
    examples: int,
    validation_share: float,
    seed: int,
    json_: bool,
) -> None:
    """Write an HTML page to explore SOURCE, a feature store or a data set: figures, statistics, clips to play."""
    require_place(out)
    require_there(SOUNDS_OR_STORE, source)
    from fat2019.pages.explore import explore as run

    with progress("clips") as show:
        result = run(
            source,
            out,
            data=data,
            layout=layout,
            figures_folder=figures,
            examples=examples,
            validation_share=validation_share,
            seed=seed,
            progress=show,
        )
    print_result(
        result,
        json_,
        [
            f"{out}: {counted(result['clips'], 'clip')}, {counted(result['classes'], 'class')}, "
            f"{result['hours']:.2f} h",
            *filter(None, [result["copies"]]),
        ],
    )


@click.command(
    "report",
    cls=Command,
    examples="""
    fat2019 report runs/best --out report.html
    fat2019 report runs/best runs/simple --figures figures
    """,
)
@click.argument("runs", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, default=Path("report.html"), help="The page to write.")
@options.store_of_the_run
@options.figures
@as_json
def report(runs: tuple[Path, ...], out: Path, features: Path | None, figures: Path | None, json_: bool) -> None:
    """Write an HTML page on finished RUNS and their ensemble: curves, per-class scores, worst predictions to play."""
    require_place(out)
    require_runs(runs, features, finished=True)
    load_tensorflow()
    from fat2019.pages.report import report as run

    with progress("clips") as show:
        result = run(runs, out, features=features, figures_folder=figures, progress=show)
    lines = [f"{row['name']}: LWLRAP {row['held_out']:.4f}" for row in result["runs"]]
    if result["ensemble"] is not None:
        lines.append(f"mean of the runs: LWLRAP {result['ensemble']:.4f}")
    print_result(result, json_, [f"{out}: {counted(result['clips'], result['split'] + ' clip')} held out", *lines])


@click.command(
    "tag",
    cls=Command,
    examples="""
    fat2019 tag runs/best dog.wav
    fat2019 tag runs/best sounds/ --top 3 --json
    fat2019 tag runs/best street.flac --timeline street.png
    fat2019 tag runs/best dog.wav --with runs/transfer
    fat2019 tag yamnet dog.wav
    """,
)
@click.argument("run", metavar="RUN_OR_NETWORK")
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--with",
    "others",
    type=PATH,
    multiple=True,
    metavar="RUN",
    help="Another run with the same classes, to average scores with; may be repeated.",
)
@click.option("--top", type=click.IntRange(1), default=5, help="Tags per file.")
@click.option(
    "--timeline",
    type=PATH,
    default=None,
    metavar="PNG",
    help="Plot the scores of one file over time; silence is kept, so that times match the file.",
)
@as_json
def tag(
    run: str, files: tuple[str, ...], others: tuple[Path, ...], top: int, timeline: Path | None, json_: bool
) -> None:
    """Tag FILES with a trained run: audio of any sample rate and length, folders, or patterns like 'sounds/**/*.ogg'.

    Give yamnet instead of a run to tag with Google's network and AudioSet's 521 classes, without training; its weights
    are downloaded once. If a run's folder is called yamnet, write ./yamnet.

    Each file is treated like a test clip: silence is removed, and the scores of all its windows are averaged. A file
    that cannot be used is named on standard error; the others are tagged, and the exit status is 2.
    """
    if timeline:
        require_place(timeline)
    require_there(RUN, *([] if run in PRETRAINED else [Path(run), *others]))
    from fat2019.serving.tagger import draw_timeline, find_audio

    tagger = _pretrained_tagger(run, others) if run in PRETRAINED else _tagger_of_runs((Path(run), *others))
    failures: list[dict[str, str]] = []

    def failed(path: Path, reason: str) -> None:
        failures.append({"file": str(path), "reason": reason})
        complain(f"not tagged: {reason}")

    skipped: list[Path] = []
    paths: Iterable[Path] = find_audio(files, failed, skipped.append)
    if timeline:
        paths = list(paths)
        if len(paths) > 1:
            raise DataError(f"{timeline}: --timeline takes one file, received {len(paths)}")
    show = _JsonTags(run) if json_ else _tag_lines
    for file in tagger.tag(paths, failed):
        row = {
            "file": str(file.path),
            "seconds": file.seconds,
            "seconds_without_silence": file.seconds_without_silence,
            "notes": list(file.notes),
            "tags": [{"label": label, "score": score} for label, score in tagger.top(file.scores, top)],
        }
        for note in file.notes:
            complain(f"{file.path}: {note}")
        if timeline:
            row["timeline"] = draw_timeline(tagger.along(file.path), tagger.class_names, timeline, top)
        show(row)
    if isinstance(show, _JsonTags):
        show.end(failures, skipped)
    if skipped:
        logging.getLogger("fat2019").info("%s", _skipped_line(skipped))
    if failures:
        complain(f"{len(failures)} not tagged")
        sys.exit(2)


def _tagger_of_runs(paths: Sequence[Path]) -> "Tagger":
    from fat2019.runs.run import Run
    from fat2019.serving.tagger import Tagger

    runs = [Run.open(path) for path in paths]
    if not all(run.has_graph for run in runs):
        load_tensorflow()
    return Tagger(*runs)


def _pretrained_tagger(network: str, others: Sequence[Path]) -> "Tagger":
    if others:
        raise DataError(f"--with {others[0]}: {network} has classes of its own; only runs can be averaged")
    if Path(network).is_dir():
        log.info("%s: using the pretrained network; for the folder of that name, give ./%s", network, network)
    require_pretrained(network)
    load_tensorflow()
    from fat2019.models.pretrained import PretrainedNetwork
    from fat2019.serving.tagger import Tagger

    return Tagger.pretrained(PretrainedNetwork(network))


class _JsonTags:
    """One JSON object, written as it comes: there may be more files than memory has room for."""

    def __init__(self, run: str) -> None:
        print_text(f'{{"run": {json.dumps(run)}, "files": [', end="")
        self._separator = "\n"

    def __call__(self, row: dict[str, Any]) -> None:
        print_text(self._separator + json.dumps(row), end="")
        self._separator = ",\n"

    def end(self, failures: list[dict[str, str]], skipped: list[Path]) -> None:
        rest = {"not_tagged": failures, "skipped": [str(path) for path in skipped]}
        print_text(f"\n], {json.dumps(rest)[1:]}")


def _skipped_line(skipped: list[Path]) -> str:
    names = ", ".join(str(path) for path in skipped[:_SKIPPED_NAMED])
    more = f" and {len(skipped) - _SKIPPED_NAMED} more" if len(skipped) > _SKIPPED_NAMED else ""
    return f"skipped, not audio: {names}{more}"


def _tag_lines(row: dict[str, Any]) -> None:
    """A table on a terminal; elsewhere one line per tag: file, label and score, separated by tabs."""
    if sys.stdout is None or not sys.stdout.isatty():
        for tag in row["tags"]:
            print_text(f"{one_line(row['file'])}\t{tag['label']}\t{tag['score']:.4f}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, table = Console(), Table(box=None, show_header=False)
    console.print(Text(f"{one_line(row['file'])} ({row['seconds']:.1f} s)", style="bold"), soft_wrap=True)
    for tag in row["tags"]:
        table.add_row(Text(tag["label"]), f"{tag['score']:.4f}", Text("█" * round(20 * tag["score"]), style="blue"))
    console.print(table)


@click.command(
    "serve",
    cls=Command,
    examples="""
    fat2019 serve runs/best
    fat2019 serve runs/best --port 8080
    fat2019 serve runs/best --host 192.168.1.5
    """,
)
@click.argument("run", type=PATH)
@click.option("--port", type=click.IntRange(1, 65535), default=7860, help="Port of the page.")
@click.option(
    "--host",
    default=None,
    metavar="NAME",
    help="Name or address under which other machines reach the page; they need the token in the address that is "
    "printed.  [default: this machine alone]",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="URL",
    help="Site whose pages may send requests with the token, such as https://example.org; may be repeated.",
)
def serve(run: Path, port: int, host: str | None, origins: tuple[str, ...]) -> None:
    """Serve a local web page that tags sounds dropped or recorded there with a trained RUN (extra [app])."""
    from fat2019.serving.app import ADDRESS
    from fat2019.serving.app import serve as show
    from fat2019.serving.guard import allowed_by, in_address

    require_run(run)
    require_extra("app", "serve", "gradio")
    allowed = allowed_by(host, origins)
    require_port(host or ADDRESS, port)
    load_tensorflow()
    address = f"http://{in_address(host or ADDRESS)}:{port}{f'/?token={allowed.token}' if allowed.token else ''}"
    show(run, port, lambda: complain(f"{address}; press Ctrl-C to stop"), host or ADDRESS, allowed)


@click.command(
    "export",
    cls=Command,
    examples="""
    fat2019 export runs/best --to tflite
    fat2019 export runs/best --to onnx --out tagger.onnx
    """,
)
@click.argument("run", type=PATH)
@click.option(
    "--to",
    "form",
    type=click.Choice(["saved_model", "tflite", "onnx"]),
    default="saved_model",
    help="Format; onnx needs the extra [onnx].",
)
@click.option(
    "--out",
    type=PATH,
    default=None,
    help="File, or folder for saved_model.  [default: in RUN/export/]",
)
@as_json
def export(run: Path, form: str, out: Path | None, json_: bool) -> None:
    """Export the network of a RUN as a file or folder that turns a waveform into scores without this package.

    The export takes a mono float32 waveform in -1..1 at the run's sample rate and returns a score per class. It
    includes log-mels and windows, but not silence removal.
    """
    require_run(run)
    if form == "onnx":
        require_extra("onnx", "export to onnx", "onnx", "tf2onnx")
    load_tensorflow()
    from fat2019.runs.run import Run
    from fat2019.serving.export import export as run_export

    result = run_export(Run.open(run), form, out)
    print_result(
        result,
        json_,
        [
            f"{result['path']}: {result['bytes'] / 1e6:.2f} MB; float32 (samples,) at "
            f"{result['sample_rate_hz']} Hz -> float32 ({result['classes']},)",
            f"class names: {result['labels']}",
        ],
    )
