"""A local web page for a trained run: drop or record a sound, view and play it, and read its tags.

The page is reached on the loopback address, unless another is named, and by whom :mod:`fat2019.serving.guard` lets in.
What is uploaded lies in a temporary folder, which is gone when the page is closed down. Files too large or too long are
refused before they are decoded.
"""

import contextlib
import html
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fat2019.errors import DataError
from fat2019.serving.guard import Allowed, Guard
from fat2019.utils.extras import require_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fat2019.serving.tagger import Tagger

ADDRESS = "127.0.0.1"
MOST_BYTES = 200_000_000
MOST_SECONDS = 1800

_THIS_MACHINE = Allowed()
_TAGS = 8
_CSS = """
#tags .text { overflow-wrap: anywhere; text-align: left }  /* on a telephone the scores have room beside long names */
#message [role=alert] { font-size: 1.1rem; color: #b91c1c }
"""
_LEAST_PICTURE_PX = 760  # narrower, its text could not be read: on a telephone it is moved sideways


def serve(
    run: Path, port: int, ready: Callable[[], None], address: str = ADDRESS, allowed: Allowed = _THIS_MACHINE
) -> None:
    """Show the page until Ctrl-C, after which the process is expected to end, and the server's threads with it.

    Args:
        run: the run's folder.
        port: of the page.
        address: to listen on.
        allowed: what requests may say of themselves.
        ready: is called when the page can be looked at.

    Raises:
        DataError: the run cannot be used, the port is taken, or the library for the page is missing.
    """
    with made(run) as page:
        try:
            launch(page, address, allowed, server_port=port, prevent_thread_lock=True)
        except OSError as error:  # the library's own, without a number
            taken = "already in use, perhaps by another page; give another --port"
            raise DataError(f"port {port}: {taken if 'empty port' in str(error) else error}") from error
        ready()
        with contextlib.suppress(KeyboardInterrupt):  # which is how it is closed down
            while True:
                time.sleep(3600)  # the library's own way to wait would tell of it


@contextlib.contextmanager
def made(run: Path) -> Iterator[Any]:
    """The page of a run, not yet shown, and the temporary folder that lives as long as it.

    Raises:
        DataError: as :func:`serve`.
    """
    with tempfile.TemporaryDirectory(prefix="fat2019-") as folder, _without_proxies():
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        os.environ["GRADIO_RUN_HISTORY"] = "False"
        require_extra("app", "serve", "gradio")
        import gradio

        from fat2019.runs.run import Run
        from fat2019.serving.tagger import Tagger

        yield _page(gradio, Tagger(Run.open(run)), run)


@contextlib.contextmanager
def _without_proxies() -> Iterator[None]:
    """Ask no proxy for the page: the library looks whether it is there, on this machine, and nothing is on others."""
    names = [name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
    before = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(before)


def launch(page: Any, address: str = ADDRESS, allowed: Allowed = _THIS_MACHINE, **options: Any) -> Any:
    """Show a page; returns what the library does.

    Nothing is loaded from elsewhere, fonts neither, and nothing can be shared from the page.
    """
    import gradio
    from starlette.middleware import Middleware

    guard = Middleware(Guard, allowed=allowed, uploads=Path(os.environ["GRADIO_TEMP_DIR"]))
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return page.launch(
        server_name=address,
        app_kwargs={"middleware": [guard]},
        share=False,
        max_file_size=MOST_BYTES,
        footer_links=[],
        theme=theme,
        css=_CSS,
        quiet=True,
        **options,
    )


def _page(gradio: Any, tagger: "Tagger", run: Path) -> Any:
    def answer(path: str | None) -> tuple[str, dict[str, float] | None, str, str]:
        if path is None:
            return "", None, "", ""
        try:
            return "", *tags_of(tagger, Path(path))
        except DataError as error:
            return f'<p role="alert">{html.escape(str(error))}</p>', None, "", ""

    # Entries are deleted within the hour, also while the page is up.
    with gradio.Blocks(title=f"fat2019: {run.name}", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gradio.Markdown(
            f"## What's in this sound?\n{run.name}: {len(tagger.class_names)} classes; recordings of up to "
            f"{MOST_SECONDS // 60} minutes"
        )
        with gradio.Row():
            sound = gradio.Audio(
                sources=["upload", "microphone"], type="filepath", label="Sound", elem_id="sound", buttons=[]
            )
            tags = gradio.Label(num_top_classes=_TAGS, label="Tags", elem_id="tags")
        message = gradio.HTML(elem_id="message")
        timeline, log_mel = gradio.HTML(elem_id="timeline"), gradio.HTML(elem_id="log-mel")
        sound.change(answer, sound, [message, tags, timeline, log_mel], api_name="tag")
    return page


def tags_of(tagger: "Tagger", path: Path) -> tuple[dict[str, float], str, str]:
    """Scores by class, and in HTML the pictures of the scores along time and of the log-mel.

    Raises:
        DataError: the file is no audio, or too long. The message has the file's name without its folder.
    """
    from fat2019.audio.logmel import log_mel, repeat_to
    from fat2019.pages import figures

    features = tagger.features
    try:
        line = tagger.along(path, most_s=MOST_SECONDS)
    except DataError as error:
        raise DataError(str(error).replace(str(path), path.name)) from error
    [tagged] = tagger.tag([path], lambda _, reason: None)
    best = tagger.top(tagged.scores, _TAGS)
    classes = [tagger.class_names.index(name) for name, _ in best]
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
        log_mel(repeat_to(line.samples, features.window_samples), features),
        features,
        len(line.samples) / line.rate_hz,
        path.name,
    )
    return (
        dict(best),
        _picture(timeline, "Waveform, and the scores of classes along time"),
        _picture(spectrum, "Log-mel spectrogram"),
    )


def _picture(figure: "Figure", says: str) -> str:
    from fat2019.pages.page import png_image

    image = png_image(figure, says)
    return f'<div style="overflow-x: auto"><div style="min-width: {_LEAST_PICTURE_PX}px">{image}</div></div>'
