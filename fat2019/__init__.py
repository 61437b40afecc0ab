"""fat2019: sounds in, tags out, for Freesound Audio Tagging 2019 and data sets shaped like it.

The modules are the stages of one line, and imports point only backwards along it::

    config -> labels, clips            what is on disk, and how it is to be read (synthesis makes some)
    audio -> silence -> logmel         a file -> a waveform -> without its pauses -> (frames, mels)
    tfrecord, shards, manifest -> store, build, verify    many clips -> shards and a manifest, once
    split -> windows, augment, sampling -> readers -> feed    shards -> batches of augmented windows
    models, metric, runs -> submission, inference    clips -> scores -> a CSV file for Kaggle
    stages -> epochs -> training       batches -> a run folder
"""

import os
import sys

# TensorFlow leaves oneDNN off on AMD processors, where it makes training about twice as fast as well. The variable is
# read when TensorFlow is loaded, so this must come first; what the user has set stands.
if "tensorflow" not in sys.modules:
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


class DataError(Exception):
    """Something outside the program is wrong: a file, a folder, an option.

    The message is one line that names the thing and the likely mistake; the command line prints it
    without a traceback and exits with status 2.
    """
