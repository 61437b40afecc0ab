"""The words by which data sets name their own parts -> this project's splits and folds."""

from fat2019.config.features import SPLITS
from fat2019.data.clip import VALIDATION_FOLD

_WORDS = {
    **dict.fromkeys(("train", "training", "development"), ("curated", "")),
    **dict.fromkeys(("validation", "valid", "val", "dev"), ("curated", VALIDATION_FOLD)),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), ("test", "")),
    **{split: (split, "") for split in SPLITS},
}


def own_split(word: str) -> tuple[str, str] | None:
    """The (split, fold) that a word means; None for any other word.

    Training clips are ``curated``: their labels are taken to be right. A validation part is a fold of them.
    """
    return _WORDS.get(word.strip().lower())
