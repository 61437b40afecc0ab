"""Runs in place of trainings."""

from tests.run_folders import make_run


def pretend_training(monkeypatch, module):
    """In place of training, a module makes runs of random networks; returns what it asks for, as it comes."""
    asked = []

    def pretend(store, config, path, report=None):
        asked.append((path.name, config))
        return make_run(path, store, seed=len(asked), config=config, validation=(0, 1))

    monkeypatch.setattr(module, "train", pretend)
    return asked
