"""Classes that a pretrained network knows by name: what it says of them itself is added to what a head has learnt.

A head learns little from four clips per class, and AudioSet had thousands for most everyday sounds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

_FLOOR_LOGIT = -8.0  # a score of 0.0003: below it a network's logits tell how sure it is of silence, not of the class
_LINKING_WORDS = {"and", "or", "the", "of"}


@keras.saving.register_keras_serializable(package="fat2019")
class KnownClasses(keras.layers.Layer):
    """Embeddings ``(batch, size)`` -> what is added to the logits ``(batch, classes)``; nothing while it is trained.

    The addend of a class is ``weight * max(0, logit + 8)`` with the logit of the network's own class of the same name,
    and 0 where it has none. Trained with it, a head would leave the known classes to it: on everyday sounds that gained
    a third of what adding it afterwards gains (``benchmarks/README.md``).
    """

    def __init__(self, classes: int, weight: float, **options: Any) -> None:
        """
        Args:
            classes: of the head.
            weight: of the known classes' logits.
            options: of a Keras layer.
        """
        super().__init__(**{**options, "trainable": False})
        self.classes, self.weight = classes, weight

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights of the known classes, zeros until they are set."""
        self.kernel = self.add_weight(shape=(input_shape[-1], self.classes), initializer="zeros", name="kernel")
        self.bias = self.add_weight(
            shape=(self.classes,), initializer=keras.initializers.Constant(_FLOOR_LOGIT), name="bias"
        )
        self.built = True

    def call(self, embeddings: Any, training: bool | None = None) -> Any:
        """Embeddings ``(batch, size)`` -> ``(batch, classes)``."""
        addends = self.weight * keras.ops.relu(keras.ops.matmul(embeddings, self.kernel) + self.bias - _FLOOR_LOGIT)
        return keras.ops.zeros_like(addends) if training else addends

    def get_config(self) -> dict[str, Any]:
        """What it is made again with."""
        return {**super().get_config(), "classes": self.classes, "weight": self.weight}

    def know(self, known: Mapping[int, int], kernel: npt.NDArray[Any], bias: npt.NDArray[Any]) -> None:
        """Take over what a network knows of the classes of a head.

        Args:
            known: index of the network's class by index of the head's, see :func:`same_classes`.
            kernel: of the network's scores, ``(size, network's classes)``.
            bias: of the network's scores, ``(network's classes,)``.
        """
        own, other = list(known), list(known.values())
        weights = np.zeros(self.kernel.shape, np.float32), np.full(self.classes, _FLOOR_LOGIT, np.float32)
        weights[0][:, own], weights[1][own] = kernel[:, other], bias[other]
        self.set_weights(weights)


def same_classes(
    names: Sequence[str], theirs: Sequence[str], other_names: Mapping[str, str] | None = None
) -> dict[int, int]:
    """Which of a network's classes have the names of ours.

    Case, punctuation, order, plurals, endings in *-ing* and words like *and* do not count: ``Walk_and_footsteps`` is
    *Walk, footsteps*, and ``crying_baby`` is *Baby cry, infant cry*. A name between commas stands for its class where
    no other class has it: ``rooster`` is *Chicken, rooster*. Last come the names that the network's classes have
    elsewhere: ``dog_bark`` is *Bark*.

    Args:
        names: of our classes.
        theirs: of the network's.
        other_names: what the network's classes are called elsewhere, and their names.

    Returns:
        Index of theirs by index of ours, for those that are known.

    Examples:
        >>> same_classes(["walk_and_footsteps", "Hum", "rooster"], ["Dog", "Walk, footsteps", "Chicken, rooster"])
        {0: 1, 2: 2}
    """
    index_of = {name: index for index, name in enumerate(theirs)}
    tables = [
        (_words, _table((_words(name), index) for name, index in index_of.items())),
        (_stems, _table((_stems(name), index) for name, index in index_of.items())),
        (_stems, _table((_stems(part), index) for name, index in index_of.items() for part in name.split(","))),
        (_stems, _table((_stems(name), index_of[their]) for name, their in (other_names or {}).items())),
    ]
    found = {
        index: next((table[key(name)] for key, table in tables if key(name) in table), None)
        for index, name in enumerate(names)
    }
    return {index: their for index, their in found.items() if their is not None}


def _table(keys: Iterable[tuple[tuple[str, ...], int]]) -> dict[tuple[str, ...], int]:
    """The index that each key stands for, without those that stand for several."""
    found: dict[tuple[str, ...], set[int]] = {}
    for key, index in keys:
        found.setdefault(key, set()).add(index)
    return {key: min(indices) for key, indices in found.items() if key and len(indices) == 1}


def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word in re.findall(r"[^\W\d_]+", name.casefold()) if word not in _LINKING_WORDS)


def _stems(name: str) -> tuple[str, ...]:
    stems = sorted(_stem(word) for word in _words(name))
    return ("".join(stems),) if stems else ()  # gunshot is written as two words as well


def _stem(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if len(word) > 5 and word.endswith("ing"):
        word = word[:-3]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word
