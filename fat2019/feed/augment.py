"""SpecAugment, MixUp and mixing of sounds on batches of log-mel images.

Pure functions of a batch and of uniform random numbers: whoever calls them decides where the numbers come from, so
the same clip can be augmented alike by every reader, eagerly, in a ``tf.data`` graph or in a compiled training step.
"""

import math

import tensorflow as tf

from fat2019.config.feed import SpecAugment
from fat2019.feed.windows import IMAGE_MAXIMUM, to_image

_LOG_TO_DECIBELS = 10 / math.log(10)


def spec_augment(
    images: tf.Tensor, uniforms: tf.Tensor, policy: SpecAugment, augmented: tf.Tensor | None = None
) -> tf.Tensor:
    """Warp, then mask bands, then mask frames.

    Args:
        images: float32 ``(batch, frames, mels)``.
        uniforms: float32 ``(batch, policy.uniforms)`` in [0, 1).
        policy: how much.
        augmented: bool ``(batch,)``, which images it is done to; all by default.

    Returns:
        float32 ``(batch, frames, mels)``.
    """
    frames, bands = images.shape[1], images.shape[2]
    warp, keep_frames, keep_bands = draw(uniforms, frames, bands, policy)
    if augmented is not None:
        raw = ~augmented[:, None]
        warp = tf.where(raw, float(frames // 2), warp)  # a frame that stays where it is
        keep_frames, keep_bands = keep_frames | raw, keep_bands | raw
    return apply(images, warp, keep_frames, keep_bands, policy)


def draw(uniforms: tf.Tensor, frames: int, bands: int, policy: SpecAugment) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Turn uniform numbers into what happens to each image.

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


def apply(
    images: tf.Tensor, warp: tf.Tensor, keep_frames: tf.Tensor, keep_bands: tf.Tensor, policy: SpecAugment
) -> tf.Tensor:
    """Do to ``(batch, frames, mels)`` images what :func:`draw` decided."""
    if policy.time_warp_frames and images.shape[1] > 2:  # two frames are both ends, and those stay
        images = time_warp(images, warp)
    if not policy.frequency_masks and not policy.time_masks:
        return images
    if policy.fill == "zero":  # a product is faster than a choice, and as exact
        return images * tf.cast(keep_frames, images.dtype)[:, :, None] * tf.cast(keep_bands, images.dtype)[:, None, :]
    keep = keep_frames[:, :, None] & keep_bands[:, None, :]  # (batch, frames, mels)
    return tf.where(keep, images, _fill(images, policy.fill))


def time_warp(images: tf.Tensor, warp: tf.Tensor) -> tf.Tensor:
    """Move one frame of each image to another place and stretch both sides linearly; the ends stay.

    Args:
        images: ``(batch, frames, mels)`` float32.
        warp: ``(batch, 2)`` float32: a frame, and where it goes; neither may be the first or the last.

    Returns:
        ``(batch, frames, mels)`` float32, linear interpolation between neighbouring frames.
    """
    last = images.shape[1] - 1
    source, target = warp[:, :1], warp[:, 1:]  # (batch, 1)
    t = tf.range(last + 1, dtype=tf.float32)[None]  # (1, frames)
    # What a frame is moved by falls off linearly towards both ends. A distance of 0 leaves t exact, and the image too.
    position = t + (source - target) * tf.minimum(t / target, (last - t) / (last - target))  # (batch, frames)
    before = tf.minimum(tf.cast(position, tf.int32), last - 1)
    share = (position - tf.cast(before, tf.float32))[:, :, None]
    return tf.gather(images, before, batch_dims=1) * (1 - share) + tf.gather(images, before + 1, batch_dims=1) * share


def mixup(values: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """Mix each example with its neighbour in the batch (arXiv 1710.09412).

    The batch is already in random order, so the neighbour is a random partner, and never the example itself (but in
    a batch of one).

    Args:
        values: float32 ``(batch, ...)``: images, or labels, which are mixed alike.
        shares: float32 ``(batch,)``, what remains of the example itself (lambda).
    """
    shares = tf.reshape(shares, [-1] + [1] * (len(values.shape) - 1))
    return values * shares + _neighbour(values) * (1 - shares)


def mix_sounds(
    images: tf.Tensor,
    labels: tf.Tensor,
    decibels: tf.Tensor,
    mixed: tf.Tensor,
    level: tf.Tensor,
    turn: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Let two sounds be heard, at once or in turn: at once their powers add up; and so do their labels.

    The partner is the neighbour in the batch, as for :func:`mixup`. Levels are measured between the loudest points of
    both, so that neither sound drowns the other. An image of one value holds no sound, and is neither changed nor
    mixed in.

    Args:
        images: float32 ``(batch, frames, mels)``, scaled to 0..255 from their own range.
        labels: float32 ``(batch, classes)`` in 0..1.
        decibels: float32 ``(batch,)``, that range in decibels.
        mixed: bool ``(batch,)``, which images get a partner.
        level: float32 ``(batch,)``, decibels by which the partner is louder.
        turn: float32 ``(batch,)``, the share of the window after which the partner alone is heard, and before which it
            is not; 0 is both at once, all the time.

    Returns:
        Images, scaled to 0..255 from their new range, and the greater of both labels, each of the shape it came in.
    """
    own = (images * (1 / IMAGE_MAXIMUM) - 1) * decibels[:, None, None]  # decibels below the loudest point
    other = _neighbour(own) + level[:, None, None]
    louder, softer = tf.maximum(own, other), tf.minimum(own, other)
    both = louder + _LOG_TO_DECIBELS * tf.math.log1p(tf.exp((softer - louder) / _LOG_TO_DECIBELS))
    frames = images.shape[1]
    is_first = tf.range(frames, dtype=tf.float32) < turn[:, None] * frames  # (batch, frames)
    one = tf.where(is_first[:, :, None], own, other)
    both = tf.where((turn > 0)[:, None, None], one, both)
    both = to_image(both, tf.reduce_min(both, axis=[1, 2]), tf.reduce_max(both, axis=[1, 2]))
    mixed = mixed & (decibels > 0) & _neighbour(decibels > 0)
    return (
        tf.where(mixed[:, None, None], both, images),
        tf.where(mixed[:, None], tf.maximum(labels, _neighbour(labels)), labels),
    )


def move_bands(images: tf.Tensor, shift: tf.Tensor, stretch: tf.Tensor) -> tf.Tensor:
    """Move sounds up or down in pitch, and spread or narrow their spectra about the middle of the bands.

    What lies beyond an end is that end's band, repeated.

    Args:
        images: float32 ``(batch, frames, mels)``.
        shift: int32 ``(batch,)``, how many bands upwards each image goes.
        stretch: float32 ``(batch,)`` above 0, how many times as far from the middle it then lies; 1 is where it was.

    Returns:
        float32 ``(batch, frames, mels)``, linear interpolation between neighbouring bands.
    """
    last = images.shape[2] - 1
    band = tf.range(last + 1, dtype=tf.float32)  # (mels,)
    source = last / 2 + (band - last / 2) / stretch[:, None] - tf.cast(shift, tf.float32)[:, None]  # (batch, mels)
    source = tf.clip_by_value(source, 0.0, float(last))
    # Mostly zeros, and still faster by far than picking bands, which a compiler does anew for every use of them.
    shares = tf.nn.relu(1 - tf.abs(source[:, None, :] - band[:, None]))  # (batch, mels from, mels to)
    return tf.matmul(images, shares)


def _neighbour(values: tf.Tensor) -> tf.Tensor:
    return tf.roll(values, 1, axis=0)


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


def _fill(images: tf.Tensor, fill: str) -> tf.Tensor:
    if fill == "minimum":
        return tf.reduce_min(images, axis=[1, 2], keepdims=True)
    if fill == "mean":
        # Added up as whole 4096ths: integers come to the same in any order, floats do not, and the order is the
        # compiler's choice for each size of batch.
        total = tf.reduce_sum(tf.cast(tf.round(images * 4096), tf.int64), axis=[1, 2], keepdims=True)
        return tf.cast(total, images.dtype) / (4096 * images.shape[1] * images.shape[2])
    return tf.zeros([], images.dtype)
