"""Augmentations: one module each, which holds its options, the numbers it draws and what it does to a batch.

To add one, write a module beside these with a class under :func:`fat2019.augmentations.registry.register`: feed,
sampler, readers, run folders and the command line find it from there. No module here imports TensorFlow before it is
used.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
