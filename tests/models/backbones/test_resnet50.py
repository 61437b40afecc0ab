"""ResNet50's input: Caffe's, around ImageNet's mean."""

import numpy as np

from fat2019.models.backbones.resnet50 import BACKBONE


def test_each_channel_is_less_its_mean_over_imagenet_and_keeps_its_scale():
    prepared = np.asarray(BACKBONE.prepare(np.float32([[[[0, 0, 0], [255, 255, 255]]]])))
    np.testing.assert_allclose(prepared[0, 0, 0], [-103.939, -116.779, -123.68], rtol=1e-6)
    np.testing.assert_allclose(prepared[0, 0, 1] - prepared[0, 0, 0], 255, rtol=1e-6)


def test_the_reports_last_blocks_are_the_two_last_stages():
    assert BACKBONE.top == ("conv4_", "conv5_")
