"""MobileNetV2's input, and what the report trains of it."""

import numpy as np

from fat2019.models.backbones.mobilenetv2 import BACKBONE


def test_images_become_minus_one_to_one():
    prepared = np.asarray(BACKBONE.prepare(np.float32([[[[0], [127.5], [255]]]])))
    np.testing.assert_allclose(prepared.ravel(), [-1, 0, 1], atol=1e-6)


def test_the_top_begins_with_the_reports_eleventh_bottleneck_of_seventeen():
    assert BACKBONE.top[:7] == tuple(f"block_{number}_" for number in range(10, 17))  # Keras counts from 0
    assert not any("block_9_add".startswith(part) for part in BACKBONE.top)
    assert not any("block_1_expand".startswith(part) for part in BACKBONE.top)
