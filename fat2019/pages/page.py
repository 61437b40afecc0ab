"""Self-contained HTML pages: figures and sounds lie within the file, which needs no network and can be sent by mail."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fat2019.pages.figures import to_png, to_svg
from fat2019.utils.files import write_whole

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

_TEMPLATES = Path(__file__).parent / "templates"


class Page:
    """A page in the making: its figures, which may be wanted as files as well, and its sounds."""

    def __init__(self, figures: Path | None = None) -> None:
        """
        Args:
            figures: folder for each figure as an SVG and a PNG file; none by default.
        """
        self._folder = figures
        if figures:
            figures.mkdir(parents=True, exist_ok=True)

    def figure(self, name: str, figure: "Figure", says: str) -> "Markup":
        """An image of a figure for the page, and its files.

        Args:
            name: of its files, without suffix; no two figures of a page have the same.
            figure: what is drawn.
            says: what one sees, for those who do not see it.
        """
        svg = to_svg(figure)
        if self._folder:
            write_whole(self._folder / f"{name}.svg", svg)
            write_whole(self._folder / f"{name}.png", to_png(figure))
        return _markup('<img loading="lazy" alt="{}" src="data:image/svg+xml;base64,{}">', says, _base64(svg))

    def sound(self, samples: npt.NDArray[np.int16], rate_hz: int, seconds: float = 6.0) -> "Markup":
        """A player for the first seconds of int16 ``(samples,)``, as a WAV file within the page."""
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, samples[: round(seconds * rate_hz)], rate_hz, format="WAV", subtype="PCM_16")
        return _markup(
            '<audio controls preload="none" src="data:audio/wav;base64,{}"></audio>', _base64(file.getvalue())
        )

    def render(self, template: str, **values: Any) -> str:
        """The page's HTML from one of the templates."""
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template(template).render(**values) + "\n"


def png_image(figure: "Figure", says: str) -> "Markup":
    """A figure as an HTML image that holds its pixels: for one of so many parts that its SVG would be large.

    Args:
        figure: what is drawn.
        says: what one sees, for those who do not see it.
    """
    return _markup('<img alt="{}" width="100%" src="data:image/png;base64,{}">', says, _base64(to_png(figure)))


def _markup(template: str, *values: str) -> "Markup":
    from markupsafe import Markup

    return Markup(template).format(*values)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
