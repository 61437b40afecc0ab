"""The length that an audio file declares, checked against its bytes.

libsndfile believes a header. Here one rule holds for every format (:mod:`fat2019.audio.containers.extent`): lengths
that are unknown or implausible mean "to the end of the file"; a file that ends before what it announces is truncated;
and what follows the samples is metadata, another recording, or more samples. The result is a
:class:`~fat2019.audio.containers.layout.Layout`: the parts of the file in which a decoder finds all that it holds.
"""
