"""How training batches are made."""

import dataclasses
from typing import Annotated, Literal

from msgspec import Meta

from fat2019.errors import DataError
from fat2019.utils.values import AUGMENTATION, DATA, HARDWARE, OPTIMISATION, Checked, option

# What the published policies assume: 80 mel bands, and a frame every 10 ms.
_PUBLISHED_BANDS = 80
_PUBLISHED_HOP_S = 0.010


@dataclasses.dataclass(frozen=True)
class SpecAugment(Checked):
    """A policy in the notation of arXiv 1904.08779, table 1, for windows of a given size.

    The defaults suit windows of 92 frames and 80 bands: they hide about a sixth of the image.
    """

    time_warp_frames: Annotated[
        int,
        option("--time-warp", AUGMENTATION, "Largest time warp of SpecAugment (0 = off).", metavar="FRAMES", ge=0),
    ] = 0  # W
    frequency_masks: Annotated[int, Meta(ge=0)] = 2  # mF
    frequency_mask_bands: Annotated[int, Meta(ge=0)] = 12  # F
    time_masks: Annotated[int, Meta(ge=0)] = 2  # mT
    time_mask_frames: Annotated[int, Meta(ge=0)] = 16  # T
    time_mask_share: Annotated[float, Meta(ge=0, le=1)] = 1.0  # p: the most of the frames that one mask hides
    # An image scaled to 0..255 from its own range has its minimum at 0, so "zero" is "minimum" there, for less.
    fill: Literal["minimum", "mean", "zero"] = "zero"

    @property
    def uniforms(self) -> int:
        """Random numbers for one image: two for the warp, two for each mask."""
        return 2 + 2 * self.frequency_masks + 2 * self.time_masks


_PUBLISHED = {  # W, F, mF, T, p, mT
    "LB": (80, 27, 1, 100, 1.0, 1),
    "LD": (80, 27, 2, 100, 1.0, 2),
    "SM": (40, 15, 2, 70, 0.2, 2),
    "SS": (40, 27, 2, 70, 0.2, 2),
}
POLICIES = tuple(_PUBLISHED)


def published_policy(name: str, bands: int = 80, hop_s: float = 0.032) -> SpecAugment:
    """A policy of the paper, its bands scaled to ours and its frames to the same time.

    Raises:
        DataError: no such policy.
    """
    if name not in _PUBLISHED:
        raise DataError(f"SpecAugment policy: expected one of {', '.join(POLICIES)}, received {name!r}")
    warp, band_width, band_masks, frame_width, share, frame_masks = _PUBLISHED[name]
    frames = _PUBLISHED_HOP_S / hop_s
    return SpecAugment(
        time_warp_frames=round(warp * frames),
        frequency_masks=band_masks,
        frequency_mask_bands=round(band_width * bands / _PUBLISHED_BANDS),
        time_masks=frame_masks,
        time_mask_frames=round(frame_width * frames),
        time_mask_share=share,
    )


@dataclasses.dataclass(frozen=True)
class FeedConfig(Checked):
    """How training batches are made. The defaults are the report's, without augmentation."""

    batch_windows: Annotated[int, option("--batch-size", OPTIMISATION, "Windows per step.", ge=1)] = 64
    candidates: Annotated[
        int, option("--candidates", AUGMENTATION, "Random windows per example; the max-energy one is used.", ge=1)
    ] = 3
    spec_augment: Annotated[
        SpecAugment | None, option("--spec-augment", AUGMENTATION, "SpecAugment: mask random mel bands and frames.")
    ] = None
    mixup_alpha: Annotated[
        float,
        option("--mixup", AUGMENTATION, "MixUp with lambda ~ Beta(ALPHA, ALPHA); 0 is off.", metavar="ALPHA", ge=0),
    ] = 0.0
    mix_share: Annotated[
        float,
        option(
            "--mix-sounds",
            AUGMENTATION,
            "Share of the windows to which another sound is added, with its labels.",
            metavar="SHARE",
            ge=0,
            le=1,
        ),
    ] = 0.0
    mix_level_db: Annotated[
        float,
        option("--mix-level", AUGMENTATION, "Largest level difference of mixed sounds.", metavar="DB", ge=0),
    ] = 0.0
    mix_in_turn: Annotated[
        float,
        option(
            "--mix-in-turn",
            AUGMENTATION,
            "Share of mixed windows with the sounds concatenated, not overlaid.",
            metavar="SHARE",
            ge=0,
            le=1,
        ),
    ] = 0.0
    shift_bands: Annotated[
        int,
        option("--shift-bands", AUGMENTATION, "Largest frequency shift, in mel bands.", metavar="BANDS", ge=0),
    ] = 0
    stretch_bands: Annotated[
        float,
        option(
            "--stretch-bands",
            AUGMENTATION,
            "Largest frequency stretch; 0.1 is a factor of up to 1.1.",
            metavar="SHARE",
            ge=0,
        ),
    ] = 0.0
    augment: Annotated[
        Literal["all", "double-curated"],
        option(
            "--augment",
            AUGMENTATION,
            "Augment every window, or use each curated clip twice, once raw, and noisy clips raw.",
        ),
    ] = "all"
    noisy_weight: Annotated[
        float,
        option("--noisy-weight", DATA, "Repeats of a noisy clip for each of a curated clip.", metavar="WEIGHT", ge=0),
    ] = 1.0
    class_balanced: Annotated[bool, option("--class-balanced", DATA, "Draw clips of rare classes more often.")] = False
    reader: Annotated[
        Literal["auto", "memory", "stream"],
        option("--reader", HARDWARE, "Cache log-mels in memory or stream TFRecord shards."),
    ] = "auto"
    seed: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment == "double-curated" and self.class_balanced:  # of clips used more often, a larger share
            raise DataError(
                "augment double-curated and class_balanced: give one of them: together, how often a clip is augmented "
                "would tell its class"
            )
