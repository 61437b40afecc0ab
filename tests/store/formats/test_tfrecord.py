"""TFRecord shards whose records are no clips, or not those of the shard."""

import pytest

from fat2019.errors import DataError
from fat2019.store.formats.tfrecord import AUDIO_SUFFIX, LOG_MEL_SUFFIX
from fat2019.store.shards import REPAIR
from tests.store.formats.shards import clip, read_tfrecord_clips, write

pytestmark = pytest.mark.usefixtures("version")


def test_a_record_that_is_no_example_is_told_by_the_files_name(tmp_path):
    from fat2019.store.formats.records import write_records

    shape = write(tmp_path, [clip()])
    path = tmp_path / (shape.stem + LOG_MEL_SUFFIX)
    with path.open("wb") as file:
        write_records(file, [b"\xff"])
    with pytest.raises(DataError) as caught:
        list(read_tfrecord_clips(tmp_path, shape))
    message = str(caught.value)
    assert message.startswith(
        f"{path}: damaged: in record 0, its bytes are not a tf.train.Example"
    ) and message.endswith(REPAIR)


def test_records_that_are_missing_added_or_swapped_are_noticed(tmp_path):
    from fat2019.store.formats.records import read_records, write_records

    shape = write(tmp_path, [clip(), clip("b.wav", seed=2)])
    path = tmp_path / (shape.stem + AUDIO_SUFFIX)
    first, second = read_records(path)
    for records in ([first], [second, first], [first, second, second], [first, b""], []):
        with path.open("wb") as file:
            write_records(file, records)
        with pytest.raises(DataError):
            list(read_tfrecord_clips(tmp_path, shape))
