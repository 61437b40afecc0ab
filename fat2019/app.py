"""A trained run behind a web page on this machine: drop or record a sound, see and hear it, and read its tags.

The page is reached on the loopback address alone. What is uploaded lies in a temporary folder, which is gone when the
page is closed down. Files too large or too long are refused before they are decoded.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fat2019 import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fat2019.tagging import Tagger

ADDRESS = "127.0.0.1"
MOST_BYTES = 200_000_000
MOST_SECONDS = 1800

_TAGS = 8


def serve(run: Path, port: int) -> None:
    """Show the page until it is interrupted.

    Raises:
        DataError: the run cannot be used, the port is taken, or the library for the page is missing.
    """
    with made(run) as page:
        try:
            page.launch(server_name=ADDRESS, server_port=port, max_file_size=MOST_BYTES, quiet=True)
        except OSError as error:
            raise DataError(f"port {port}: it is taken, perhaps by another page; give another --port") from error


@contextlib.contextmanager
def made(run: Path) -> Iterator[Any]:
    """The page of a run, not yet shown, and the temporary folder that lives as long as it.

    Raises:
        DataError: as :func:`serve`.
    """
    with tempfile.TemporaryDirectory(prefix="fat2019-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        try:
            import gradio
        except ImportError as error:
            raise DataError("serve needs the extra [app]: pip install 'fat2019[app]'") from error
        from fat2019.runs import Run
        from fat2019.tagging import Tagger

        yield _page(gradio, Tagger(Run.open(run)), run)


def _page(gradio: Any, tagger: "Tagger", run: Path) -> Any:
    def answer(path: str | None) -> tuple[dict[str, float] | None, Any, Any]:
        if path is None:
            return None, None, None
        try:
            return tags_of(tagger, Path(path))
        except DataError as error:
            raise gradio.Error(str(error), duration=None) from error

    # Entries are deleted within the hour, also while the page is up.
    with gradio.Blocks(title=f"fat2019: {run.name}", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gradio.Markdown(
            f"## What is to be heard?\n{run.name}: {len(tagger.vocabulary)} classes; recordings of up to "
            f"{MOST_SECONDS // 60} minutes"
        )
        with gradio.Row():
            sound = gradio.Audio(sources=["upload", "microphone"], type="filepath", label="Sound", elem_id="sound")
            tags = gradio.Label(num_top_classes=_TAGS, label="Tags", elem_id="tags")
        timeline = gradio.Image(label="Scores along time", show_label=False, elem_id="timeline", interactive=False)
        picture = gradio.Image(label="Log-mel spectrogram", show_label=False, elem_id="log-mel", interactive=False)
        sound.change(answer, sound, [tags, timeline, picture], api_name="tag")
    return page


def tags_of(tagger: "Tagger", path: Path) -> tuple[dict[str, float], "npt.NDArray[np.uint8]", "npt.NDArray[np.uint8]"]:
    """Scores by class; pictures ``(height, width, 4)`` of the scores along time, and of the log-mel.

    Raises:
        DataError: the file is no audio, or too long. The message has the file's name without its folder.
    """
    from fat2019 import figures
    from fat2019.logmel import log_mel, repeat_to

    _require_short(path)
    features = tagger.features
    try:
        line = tagger.along(path)
    except DataError as error:
        raise DataError(str(error).replace(str(path), path.name)) from error
    [tagged] = tagger.tag([path], lambda _, reason: None)
    best = tagger.top(tagged.scores, _TAGS)
    classes = [tagger.vocabulary.names.index(name) for name, _ in best]
    timeline = figures.timeline(
        line.samples,
        line.rate_hz,
        line.start_s,
        line.window_s,
        line.scores[:, classes],
        [name for name, _ in best],
        f"{path.name}: scores along time",
    )
    spectrum = figures.wide_log_mel(
        log_mel(repeat_to(line.samples, features.window_samples), features), features, path.name
    )
    return dict(best), figures.to_pixels(timeline), figures.to_pixels(spectrum)


def _require_short(path: Path) -> None:
    import soundfile

    try:
        seconds = soundfile.info(str(path)).duration
    except (soundfile.SoundFileError, OSError) as error:
        raise DataError(f"{path.name}: no audio that can be decoded (WAV, FLAC, OGG or MP3)") from error
    if seconds > MOST_SECONDS:
        raise DataError(
            f"{path.name}: {seconds / 60:.0f} minutes are too long, {MOST_SECONDS // 60} are the most: "
            "cut it, or use the command tag"
        )
