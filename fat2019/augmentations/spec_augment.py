"""SpecAugment (arXiv 1904.08779): time warp, then frequency masks, then time masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from msgspec import Meta

from fat2019.augmentations.base import Augmentation, Batch
from fat2019.augmentations.registry import register
from fat2019.errors import DataError
from fat2019.utils.lazy import LazyModule
from fat2019.utils.values import AUGMENTATION, Checked, option

if TYPE_CHECKING:
    import tensorflow as tf

    from fat2019.augmentations.random_numbers import RandomNumbers
else:
    tf = LazyModule("tensorflow")

_STREAM = 1

# What the published policies assume: 80 mel bands, and a frame every 10 ms.
_PUBLISHED_BANDS = 80
_PUBLISHED_HOP_S = 0.010

_PUBLISHED = {  # W, F, mF, T, p, mT
    "LB": (80, 27, 1, 100, 1.0, 1),
    "LD": (80, 27, 2, 100, 1.0, 2),
    "SM": (40, 15, 2, 70, 0.2, 2),
    "SS": (40, 27, 2, 70, 0.2, 2),
}
POLICIES = tuple(_PUBLISHED)


class Drawn(NamedTuple):
    """The random numbers of some examples."""

    uniforms: tf.Tensor  # (examples, numbers of an image) float32, in [0, 1)
    augmented: tf.Tensor  # (examples,) bool


@dataclasses.dataclass(frozen=True)
class SpecAugmentOptions(Checked):
    """SpecAugment on the command line: a flag, a named policy, and its time warp."""

    spec_augment: Annotated[
        bool, option("--spec-augment", AUGMENTATION, "SpecAugment: mask random mel bands and frames.")
    ] = False
    policy: Annotated[
        Literal["ours", "LB", "LD", "SM", "SS"],
        option("--policy", AUGMENTATION, "SpecAugment policy: ours, or one of the paper's."),
    ] = "ours"
    time_warp_frames: Annotated[
        int,
        option(
            "--time-warp",
            AUGMENTATION,
            "Largest time warp of SpecAugment, in frames (0 = off).",
            metavar="FRAMES",
            default="the policy's",
            ge=0,
        ),
    ] = 0


@register
@dataclasses.dataclass(frozen=True)
class SpecAugment(Augmentation):
    """A policy in the notation of arXiv 1904.08779, table 1, for windows of a given size.

    The defaults suit windows of 92 frames and 80 bands: they mask about a sixth of the image.
    """

    name: ClassVar[str] = "spec_augment"
    title: ClassVar[str] = "SpecAugment (--spec-augment)"
    position: ClassVar[int] = 30
    streams: ClassVar[tuple[int, ...]] = (_STREAM,)
    dependent: ClassVar[tuple[str, ...]] = ("time_warp_frames",)

    time_warp_frames: Annotated[int, Meta(ge=0)] = 0  # W
    frequency_masks: Annotated[int, Meta(ge=0)] = 2  # mF
    frequency_mask_bands: Annotated[int, Meta(ge=0)] = 12  # F
    time_masks: Annotated[int, Meta(ge=0)] = 2  # mT
    time_mask_frames: Annotated[int, Meta(ge=0)] = 16  # T
    time_mask_share: Annotated[float, Meta(ge=0, le=1)] = 1.0  # p: the most of the frames that one mask hides
    # An image scaled to 0..255 from its own range has its minimum at 0, so "zero" is "minimum" there, for less. On a
    # scale that has silence elsewhere, "zero" is that value.
    fill: Literal["minimum", "mean", "zero"] = "zero"

    @property
    def is_on(self) -> bool:
        """Always: it is left out to be off."""
        return True

    @property
    def uniforms(self) -> int:
        """Random numbers for one image: two for the warp, two for each mask."""
        return 2 + 2 * self.frequency_masks + 2 * self.time_masks

    @classmethod
    def options(cls) -> type[Checked]:
        """A flag and a policy in place of the notation's letters."""
        return SpecAugmentOptions

    @classmethod
    def changed(cls, current: Self | None, options: Mapping[str, Any]) -> Self | None:
        """The flag ``spec_augment`` or a ``policy`` switches it on; see :meth:`Augmentation.changed`.

        Raises:
            DataError: a policy together with the flag that switches it off.
        """
        policy = options.get("policy")
        wanted = options.get("spec_augment", policy is not None or current is not None)
        if policy is not None and not wanted:
            raise DataError(f"policy: {policy} is a policy of SpecAugment, which is off; leave out one of the two")
        if not wanted:
            return None
        chosen = current or cls() if policy in (None, "ours") else cls.published(policy)
        return super().changed(chosen, options)

    @classmethod
    def published(cls, policy: str, bands: int = 80, hop_s: float = 0.032) -> Self:
        """A policy of the paper, its bands scaled to ours and its frames to the same time.

        Raises:
            DataError: no such policy.
        """
        if policy not in _PUBLISHED:
            raise DataError(f"SpecAugment policy: expected one of {', '.join(POLICIES)}, received {policy!r}")
        warp, band_width, band_masks, frame_width, share, frame_masks = _PUBLISHED[policy]
        frames = _PUBLISHED_HOP_S / hop_s
        return cls(
            time_warp_frames=round(warp * frames),
            frequency_masks=band_masks,
            frequency_mask_bands=round(band_width * bands / _PUBLISHED_BANDS),
            time_masks=frame_masks,
            time_mask_frames=round(frame_width * frames),
            time_mask_share=share,
        )

    def draw(self, numbers: RandomNumbers, augmented: tf.Tensor) -> Drawn:
        """Uniform numbers, of which :func:`places` makes a warp and masks."""
        return Drawn(numbers.uniform(_STREAM, self.uniforms), augmented)

    def apply(self, batch: Batch, drawn: Drawn) -> Batch:
        """Warp, then mask bands, then mask frames."""
        frames, bands = batch.images.shape[1], batch.images.shape[2]
        warp, keep_frames, keep_bands = places(drawn.uniforms, frames, bands, self)
        raw = ~drawn.augmented[:, None]
        warp = tf.where(raw, float(frames // 2), warp)  # a frame that stays where it is
        return batch._replace(
            images=self._masked(
                time_warp(batch.images, warp) if self.time_warp_frames else batch.images,
                keep_frames | raw,
                keep_bands | raw,
                batch.scale.silence,
            )
        )

    def _masked(self, images: tf.Tensor, keep_frames: tf.Tensor, keep_bands: tf.Tensor, silence: float) -> tf.Tensor:
        if not self.frequency_masks and not self.time_masks:
            return images
        if self.fill == "zero" and silence == 0:  # a product is faster than a choice, and as exact
            return (
                images * tf.cast(keep_frames, images.dtype)[:, :, None] * tf.cast(keep_bands, images.dtype)[:, None, :]
            )
        keep = keep_frames[:, :, None] & keep_bands[:, None, :]  # (batch, frames, mels)
        return tf.where(keep, images, _fill(images, self.fill, silence))


def places(uniforms: tf.Tensor, frames: int, bands: int, policy: SpecAugment) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Turn uniform numbers ``(batch, policy.uniforms)`` in [0, 1) into what happens to each image.

    Returns:
        The warp ``(batch, 2)`` float32 (a frame, and where it goes), the frames kept ``(batch, frames)`` bool, and the
        bands kept ``(batch, mels)`` bool.
    """
    warp, for_bands, for_frames = tf.split(uniforms, [2, 2 * policy.frequency_masks, 2 * policy.time_masks], axis=1)
    widest = min(policy.time_mask_frames, int(policy.time_mask_share * frames))
    return (
        _warp(warp, frames, policy.time_warp_frames),
        _kept(for_frames, frames, widest),
        _kept(for_bands, bands, min(policy.frequency_mask_bands, bands)),
    )


def time_warp(images: tf.Tensor, warp: tf.Tensor) -> tf.Tensor:
    """Move one frame of each image to another place and stretch both sides linearly; the ends stay.

    Args:
        images: ``(batch, frames, mels)`` float32; of two frames or less they stay as they are.
        warp: ``(batch, 2)`` float32: a frame, and where it goes; neither may be the first or the last.

    Returns:
        ``(batch, frames, mels)`` float32, linear interpolation between neighbouring frames.
    """
    last = images.shape[1] - 1
    if last < 2:
        return images
    source, target = warp[:, :1], warp[:, 1:]  # (batch, 1)
    t = tf.range(last + 1, dtype=tf.float32)[None]  # (1, frames)
    # What a frame is moved by falls off linearly towards both ends. A distance of 0 leaves t exact, and the image too.
    position = t + (source - target) * tf.minimum(t / target, (last - t) / (last - target))  # (batch, frames)
    before = tf.minimum(tf.cast(position, tf.int32), last - 1)
    share = (position - tf.cast(before, tf.float32))[:, :, None]
    return tf.gather(images, before, batch_dims=1) * (1 - share) + tf.gather(images, before + 1, batch_dims=1) * share


def _warp(uniforms: tf.Tensor, frames: int, most: int) -> tf.Tensor:
    # The frame to move is at least `most` from either end, so that it stays inside; short windows bend less.
    most = max(0, min(most, (frames - 1) // 2 - 1))
    margin = max(1, most)
    source = margin + uniforms[:, 0] * (frames - 1 - 2 * margin)
    distance = (2 * uniforms[:, 1] - 1) * most
    # A frame moved onto an end would leave one side without length.
    return tf.stack([source, tf.clip_by_value(source + distance, 1.0, frames - 2.0)], axis=1)


def _kept(uniforms: tf.Tensor, size: int, widest: int) -> tf.Tensor:
    """Which of ``size`` positions no mask hides: widths 0..widest, then any start at which they fit."""
    width_of, start_of = tf.split(tf.reshape(uniforms, [tf.shape(uniforms)[0], 2, uniforms.shape[1] // 2]), 2, axis=1)
    width = tf.floor(width_of[:, 0] * (widest + 1))  # (batch, masks)
    start = tf.floor(start_of[:, 0] * (size - width + 1))
    position = tf.range(size, dtype=tf.float32)
    hidden = (position >= start[:, :, None]) & (position < (start + width)[:, :, None])  # (batch, masks, size)
    return ~tf.reduce_any(hidden, axis=1)


def _fill(images: tf.Tensor, fill: str, silence: float) -> tf.Tensor:
    if fill == "minimum":
        return tf.reduce_min(images, axis=[1, 2], keepdims=True)
    if fill == "mean":
        # Added up as whole 4096ths: integers come to the same in any order, floats do not, and the order is the
        # compiler's choice for each size of batch.
        total = tf.reduce_sum(tf.cast(tf.round(images * 4096), tf.int64), axis=[1, 2], keepdims=True)
        return tf.cast(total, images.dtype) / (4096 * images.shape[1] * images.shape[2])
    return tf.constant(silence, images.dtype)
