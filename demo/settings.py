# SPDX-License-Identifier: Apache-2.0
"""Writes MODEL.json beside each model: its classes, and what they are NG from.

Thresholds come from pictures that were drawn for this alone: not those the
models were trained on, measured by, or that are kept with the demo.
"""
import argparse
import json
import os
import re

import numpy as np

import data
import textures
from measure import HERE, run
from scores import picture_scores

PERCENT = 0.5  # of a map's values, the highest, whose mean is the score
COLORS = ("#FF0000", "#FFFF00", "#0000FF", "#008000", "#FFC0CB", "#800080")
HEADS = ("good: OK", "unsure", "NG", "marred: OK", "unsure", "NG")


def scores_of(maps):
    """One score per picture, as haya computes it with these settings."""
    return picture_scores(maps, PERCENT / 100.0)


def choose(good, marred):
    """Unsure from, and NG from.

    The scores leave gaps between them.  In the best one a threshold calls
    the fewest pictures wrongly, the widest if several do; good ones count
    double.  A third of it is below both thresholds, and a third above.
    """
    scores = np.unique(np.concatenate([[0.0], good, marred, [1.0]]))
    best = None
    for below, above in zip(scores, scores[1:]):
        middle = 0.5 * (below + above)
        wrong = 2 * (good >= middle).sum() + (marred < middle).sum()
        if best is None or (wrong, below - above) < best[0]:
            best = (wrong, below - above), below, above
    _, below, above = best
    return (round(float(below + (above - below) / 3.0), 3),
            round(float(above - (above - below) / 3.0), 3))


def entry(cls, thresholds, channel=None):
    """A class of a settings file."""
    shown = {"name": textures.CLASSES[cls], "color": COLORS[cls]}
    if channel is not None:
        shown["map"] = {"channel": channel}
    shown["score"] = {"type": "top_mean", "percent": PERCENT}
    shown["thresholds"] = dict(zip(("low", "high"), thresholds))
    return shown


def write(path, classes):
    """One settings file, whole or not at all."""
    settings = {"haya": 1, "input": {"mean": 127.5, "std": 127.5},
                "classes": classes}
    with open(path + ".part", "w", encoding="utf-8") as out:
        json.dump(settings, out, indent=2)
        out.write("\n")
    os.replace(path + ".part", path)


def row(name, good, marred, thresholds):
    """How many pictures are called what, as a line of the table."""
    cells = []
    for scores in (good, marred):
        low, high = (scores >= t for t in thresholds)
        cells += [np.sum(~low), np.sum(low & ~high), np.sum(high)]
    return f"| {name} | " + " | ".join(str(int(n)) for n in cells) + " |"


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--haya", default="build/cli/haya")
    args.add_argument("--models", default=os.path.join(HERE, "models"))
    args.add_argument("--cache", default="build/demo-cache",
                      help="folder for the pictures")
    args.add_argument("--good", type=int, default=60,
                      help="good pictures per class")
    args.add_argument("--each", type=int, default=15,
                      help="pictures per class and kind of defect")
    args = args.parse_args()
    table = {}
    seen = [[] for _ in textures.CLASSES]  # by each map of "all": good ones
    marred = []
    for cls, name in enumerate(textures.CLASSES):
        grey, _ = data.cached(args.cache, cls, data.CHOICE, args.good,
                              args.each)
        path = os.path.join(args.models, f"class{cls + 1}")
        scores = scores_of(run(args.haya, path + ".pb", grey, 1)[..., 0])
        thresholds = choose(scores[:args.good], scores[args.good:])
        write(path + ".json", [entry(cls, thresholds)])
        table[f"class{cls + 1} ({name})"] = row(
            f"class{cls + 1} ({name})", scores[:args.good],
            scores[args.good:], thresholds)
        path = os.path.join(args.models, "all.pb")
        maps = run(args.haya, path, grey, len(textures.CLASSES))
        for other in range(len(textures.CLASSES)):
            seen[other].append(scores_of(maps[:args.good, ..., other]))
        marred.append(scores_of(maps[args.good:, ..., cls]))
    classes = []
    for cls, name in enumerate(textures.CLASSES):
        good = np.concatenate(seen[cls])  # of all classes: none is marred
        thresholds = choose(good, marred[cls])
        classes.append(entry(cls, thresholds, channel=cls))
        title = f"all, map {cls + 1} ({name})"
        table[title] = row(title, good, marred[cls], thresholds)
    write(os.path.join(args.models, "all.json"), classes)
    lines = ["| model | " + " | ".join(HEADS) + " |", "|---" + "|--:" * 6 + "|"]
    lines += table.values()
    print("\n".join(lines))
    path = os.path.join(HERE, "README.md")
    with open(path, encoding="utf-8") as readme:
        text = readme.read()
    text = re.sub(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)",
                  lambda m: m[1] + "\n".join(lines) + "\n" + m[2], text,
                  flags=re.S)
    with open(path, "w", encoding="utf-8") as readme:
        readme.write(text)


if __name__ == "__main__":
    main()
