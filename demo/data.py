# SPDX-License-Identifier: Apache-2.0
"""Sets of pictures in memory, drawn on two processes and kept as .npz."""
import os
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import textures

TRAIN, TEST, CHOICE, DEMO = 1, 2, 3, 4  # first part of every seed
GOOD, EACH = 60, 90  # training pictures per class, and per kind of defect
MEASURED = 24  # test pictures of each of the five kinds, per class


def share(cls, split, good, each):
    """[(class, kind, seed)] of a split: so many good, so many per defect."""
    jobs = []
    for kind in textures.KINDS:
        count = good if kind == "good" else each
        jobs += [(cls, kind, (split, number)) for number in range(count)]
    return jobs


def draw(job):
    """One picture and mask of a job."""
    return textures.picture(*job)


def pictures(jobs, workers=2):
    """Pictures and masks of jobs as two uint8 arrays."""
    with ProcessPoolExecutor(workers) as pool:
        drawn = list(pool.map(draw, jobs, chunksize=8))
    return (np.stack([p for p, _ in drawn]),
            np.stack([m for _, m in drawn]).astype(np.uint8))


def cached(folder, cls, split, good, each):
    """The pictures of one class, read from the folder or drawn into it."""
    name = f"{textures.CLASSES[cls]}-{split}-{good}-{each}.npz"
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        grey, mask = pictures(share(cls, split, good, each))
        np.savez(path, grey=grey, mask=np.packbits(mask, axis=2))
    stored = np.load(path)
    return stored["grey"], np.unpackbits(stored["mask"], axis=2)
