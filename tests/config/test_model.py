"""Which networks can be asked for, and with what options."""

import pytest

from fat2019.config.model import ModelConfig
from fat2019.errors import DataError


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "vgg"},
        {"head": "none"},
        {"trainable": "bottom"},
        {"kernel_size": 0},
        {"width": 0},
        {"pooling": "median"},
        {"dropout": 1.0},
        {"dropout": -0.1},
    ],
)
def test_a_configuration_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        ModelConfig(**wrong)
