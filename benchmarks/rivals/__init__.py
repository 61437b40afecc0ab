"""Other ways to deliver the same batches: 64 windows of 92x80 in 0..255, two masks of either kind, and labels.

Each is set up as its own documentation or code recommends. Where that leaves a choice, the faster one was taken: what
a rival would not do by itself (the choice among three windows, say, where its way is a random crop) it need not do.
"""

BATCH_WINDOWS = 64
WINDOW_FRAMES = 92
MEL_BANDS = 80
MASKS = 2  # of either kind
WIDEST_BANDS = 12
WIDEST_FRAMES = 16
