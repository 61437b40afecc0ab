"""How long a clip may be."""

from pathlib import Path

from fat2019.errors import UnreadableAudio

# 6 hours at 16 kHz are 0.7 GB of samples, and as much again while silence is removed from them: what a worker can
# hold. A file's size says nothing of it: a day of silence is a few hundred kilobytes of FLAC.
MAX_CLIP_S = 6 * 3600


def require_short(path: Path, seconds: float, most_s: float) -> None:
    """Refuse what is too long.

    Raises:
        UnreadableAudio: it is longer than ``most_s``.
    """
    if seconds > most_s:
        raise UnreadableAudio(
            f"{path}: {_span(seconds)} are too long, {_span(most_s)} are the most: cut it into shorter ones"
        )


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 3 * 3600 else f"{seconds / 3600:.1f} hours"
