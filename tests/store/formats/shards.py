"""A small shard, written in both formats."""

import numpy as np

from fat2019.audio.clip import arrays_of
from fat2019.config.features import FeatureConfig
from fat2019.data.vocabulary import Vocabulary
from fat2019.store.formats import FORMATS, storage_format
from fat2019.store.schema import ClipFeatures, ShardHead, ShardShape
from fat2019.store.shards import content_key

VOCABULARY = Vocabulary(("Bark", "Gong", "Meow"))
NAME = "curated-00000-of-00001"
SMALL = FeatureConfig(n_fft=64, hop_samples=32, mel_bands=4, window_samples=256)
VERSION = {}  # "written": of the format, by the fixture `version`


def clip(fname="a.wav", samples=500, seed=0, config=SMALL, labels=(0, 2), usage="", kept_whole=False):
    audio = np.random.default_rng(seed).integers(-3000, 3000, samples).astype(np.int16)
    log_mel, decibel_range, energy = arrays_of(audio, config)
    return ClipFeatures(fname, labels, usage, audio, log_mel, decibel_range, energy, 44_100, 3 * samples, kept_whole)


def write(folder, clips, config=SMALL):
    """Both formats of a shard of these clips; its shape."""
    key = content_key(NAME, config, VOCABULARY, clips)
    head = ShardHead(NAME, "curated", key, config, VOCABULARY, VERSION["written"])
    shape = ShardShape.of(head, clips)
    for form in map(storage_format, FORMATS):
        for suffix in form.suffixes:
            form.write(folder / (shape.stem + suffix), suffix, head, clips)
    return shape


def read_hdf5_clips(folder, shape):
    return storage_format("hdf5").clips(folder, shape)


def read_tfrecord_clips(folder, shape):
    return storage_format("tfrecord").clips(folder, shape)
