"""TensorFlow is loaded late, since it takes seconds, and what it says is kept from users."""

import contextlib
import logging
import os
import sys
import tempfile
import warnings

from fat2019.errors import DataError
from fat2019.utils.native import native_messages_dropped

_BACKEND = "KERAS_BACKEND"

log = logging.getLogger("fat2019")


def load_tensorflow() -> None:
    """Import TensorFlow and say so; its own messages are shown with ``--verbose`` alone."""
    verbose = log.isEnabledFor(logging.DEBUG)
    if "tensorflow" not in sys.modules:
        keras_on_tensorflow()
        _require_temporary_folder()
        log.info("loading TensorFlow ...")
        with contextlib.nullcontext() if verbose else native_messages_dropped():
            import tensorflow as tf

            tf.config.list_physical_devices()  # looks for drivers
    if not verbose:
        _drop_advice()


def _drop_advice() -> None:
    """TensorFlow's logger tells of retracing, Keras's warnings of ``shuffle``: nothing that a user could follow."""
    import tensorflow as tf

    tf.get_logger().setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", module=r"keras|tensorflow")


def _require_temporary_folder() -> None:
    try:
        tempfile.gettempdir()
    except OSError as error:
        raise DataError(
            "TensorFlow needs a folder for temporary files, and none can be written to: name one in the variable TMPDIR"
        ) from error


def keras_on_tensorflow() -> None:
    """Check that Keras runs on TensorFlow, whatever the environment and Keras's own file say of it.

    Raises:
        DataError: Keras is loaded already, with another backend.
    """
    if "keras" not in sys.modules:
        os.environ[_BACKEND] = "tensorflow"
        return
    import keras

    if (backend := keras.backend.backend()) != "tensorflow":
        raise DataError(
            f"Keras was loaded before fat2019, and runs on {backend}; networks of fat2019 need its backend tensorflow: "
            f"set {_BACKEND}=tensorflow"
        )
