# SPDX-License-Identifier: Apache-2.0
"""Writes the pictures in the MVTec AD folder layout.

OUT/CLASS/train/{good,DEFECT}, OUT/CLASS/test/{good,DEFECT} and
OUT/CLASS/ground_truth/DEFECT.  Unlike MVTec AD there are defects in train
too, with masks in OUT/CLASS/ground_truth_train/DEFECT, for the training here
is supervised.
"""
import argparse
import os

import numpy as np
from PIL import Image

import data
import textures


def save(array, *path):
    """Writes an 8-bit grey PNG."""
    path = os.path.join(*path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.fromarray(array).save(path, optimize=True)


def check(array, *path):
    """Stops unless the PNG holds exactly these pixels."""
    with Image.open(os.path.join(*path)) as stored:
        if not np.array_equal(np.asarray(stored), array):
            raise SystemExit(f"{os.path.join(*path)} differs")


def write(put, out, cls, split, part, truth, good, each):
    """One split of one class: pictures, and masks of those with defects."""
    jobs = data.share(cls, split, good, each)
    grey, mask = data.pictures(jobs)
    root = os.path.join(out, textures.CLASSES[cls])
    for (_, kind, (_, number)), picture, marked in zip(jobs, grey, mask):
        put(picture, root, part, kind, f"{number:03d}.png")
        if kind != "good":
            put(marked * 255, root, truth, kind, f"{number:03d}_mask.png")


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("out", nargs="?", default="demo/pictures")
    args.add_argument("--demo-set", action="store_true",
                      help="only the small set that is kept with the demo")
    args.add_argument("--check", action="store_true",
                      help="write nothing; stop if a file differs")
    args.add_argument("--train", type=int, nargs=2, metavar=("GOOD", "EACH"),
                      default=(data.GOOD, data.EACH))
    args.add_argument("--test", type=int, nargs=2, metavar=("GOOD", "EACH"),
                      default=(data.MEASURED, data.MEASURED))
    args = args.parse_args()
    put = check if args.check else save
    for cls, name in enumerate(textures.CLASSES):
        print(name, flush=True)
        if args.demo_set:
            write(put, args.out, cls, data.DEMO, "test", "ground_truth", 2, 1)
            continue
        write(put, args.out, cls, data.TRAIN, "train", "ground_truth_train",
              *args.train)
        write(put, args.out, cls, data.TEST, "test", "ground_truth",
              *args.test)


if __name__ == "__main__":
    main()
