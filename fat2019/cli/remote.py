"""From elsewhere: `fetch`."""

import dataclasses
from pathlib import Path

import click

from fat2019.cli.command import Command
from fat2019.cli.options import PATH, as_json
from fat2019.cli.output import print_result
from fat2019.utils.progress import progress


@click.command(
    "fetch",
    cls=Command,
    examples="""
    fat2019 fetch s3://bucket/features/mine features/mine
    fat2019 fetch https://example.org/runs/best runs/best
    """,
)
@click.argument("url")
@click.argument("out", type=PATH)
@as_json
def fetch(url: str, out: Path, json_: bool) -> None:
    """Copy a feature store or a run from URL to the folder OUT, and check every file.

    URL may have any protocol of fsspec (s3, gs, az, https, ssh, ...); needs the extra [remote] and the protocol's
    package, such as s3fs. Run the same command again to resume.
    """
    from fat2019.runs.fetch import fetch as run

    with progress("files") as show:
        fetched = run(url, out, show)
    result = {"out": str(out), **dataclasses.asdict(fetched)}
    print_result(result, json_, [f"{out}: a {fetched.kind} of {fetched.files} files, {fetched.bytes / 1e6:.1f} MB"])
