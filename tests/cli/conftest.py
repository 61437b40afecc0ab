"""A data set to be spoilt, and a run that nobody has trained."""

import numpy as np
import pytest
import soundfile

from tests.cli.running import write_rows
from tests.run_folders import make_run


@pytest.fixture
def data(tmp_path):
    """A data set of four clips in Kaggle's layout, to be spoilt."""
    root = tmp_path / "data"
    (root / "train_curated").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d"):
        soundfile.write(root / "train_curated" / f"{name}.wav", rng.normal(0, 0.1, 8000), 16_000)
    write_rows(root, "a.wav,Bark", "b.wav,Bell", 'c.wav,"Bark,Bell"', "d.wav,Bell")
    (root / "sample_submission.csv").write_text("fname,Bark,Bell\n")
    return root


@pytest.fixture
def trained(store, tmp_path):
    """The folder of a run that nobody has trained."""
    return make_run(tmp_path / "run", store, validation=(0, 1)).path
