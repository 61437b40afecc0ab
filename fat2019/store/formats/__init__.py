"""The storage formats, one class per module, loaded when needed. To add one, write the module and list it here."""

import functools
import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fat2019.store.formats.base import StorageFormat

# Format -> its class, in the order in which a store lists them.
_CLASSES = {
    "hdf5": "fat2019.store.formats.hdf5:Hdf5Format",
    "tfrecord": "fat2019.store.formats.tfrecord:TFRecordFormat",
}
FORMATS = tuple(_CLASSES)


@functools.cache
def storage_format(name: str) -> "StorageFormat":
    """The format of this name, one of :data:`FORMATS`."""
    module, _, class_name = _CLASSES[name].partition(":")
    found: StorageFormat = getattr(importlib.import_module(module), class_name)()
    return found


def shard_files(name: str, formats: Iterable[str]) -> tuple[str, ...]:
    """The names of a shard's files in these formats."""
    wanted = set(formats)
    return tuple(name + suffix for form in FORMATS if form in wanted for suffix in storage_format(form).suffixes)
