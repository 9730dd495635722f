# SPDX-License-Identifier: Apache-2.0
"""Scores of the demo's models, run by haya on pictures they never saw."""
import argparse
import json
import os
import re
import subprocess
import tempfile

import numpy as np

import data
import textures
from scores import auroc, best_f1, picture_scores

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = ("pixel_auroc", "best_f1", "picture_auroc", "good_marked")
TITLES = ("pixel AUROC", "best F1", "picture AUROC", "good pixels marked")


def run(haya, model, pictures, copies):
    """Maps of a model for a stack of grey pictures."""
    scaled = (pictures.astype(np.float32) - 127.5) / 127.5
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "in.npy")
        target = os.path.join(folder, "out.npy")
        np.save(source, np.repeat(scaled[..., None], copies, axis=3))
        subprocess.run([haya, "run", model, "-i", source, "-o", target,
                        "--settings", "none"], check=True)
        return np.load(target)


def score(maps, masks):
    """The columns of the table; maps and masks are (pictures, rows, cols)."""
    marred = masks.any((1, 2))
    f1, threshold = best_f1(maps, masks)
    return {
        "pixel_auroc": auroc(maps, masks),
        "best_f1": f1,
        "picture_auroc": auroc(picture_scores(maps), marred),
        "good_marked": float((maps[~marred] >= threshold).mean()),
        "threshold": threshold,
    }


def measure(haya, models, each):
    """Scores of the one-class models and of the maps of "all"."""
    table = {}
    silent = 0.0
    for cls, name in enumerate(textures.CLASSES):
        pictures, masks = data.pictures(
            data.share(cls, data.TEST, each, each))
        path = os.path.join(models, f"class{cls + 1}.pb")
        if os.path.exists(path):
            maps = run(haya, path, pictures, 1)[..., 0]
            table[f"class{cls + 1} ({name})"] = score(maps, masks)
        maps = run(haya, os.path.join(models, "all.pb"), pictures, 6)
        table[f"all, map {cls + 1} ({name})"] = score(maps[..., cls], masks)
        others = np.delete(maps, cls, axis=3)
        silent = max(silent, float((others >= 0.5).mean()))
    rows = sorted(table.items(), key=lambda row: row[0].startswith("all"))
    return {"pictures": 5 * each, "scores": dict(rows),
            "others_marked": silent}


def markdown(result):
    """The scores as a Markdown table."""
    lines = ["| model | " + " | ".join(TITLES) + " |", "|---|--:|--:|--:|--:|"]
    for name, row in result["scores"].items():
        cells = [f"{row[c]:.3f}" for c in COLUMNS[:3]]
        cells.append(f"{100.0 * row['good_marked']:.3f} %")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def store(result, table):
    """Writes scores.json and the table in README.md."""
    rounded = json.loads(json.dumps(result), parse_float=lambda v:
                         round(float(v), 5))
    with open(os.path.join(HERE, "scores.json"), "w", encoding="utf-8") as out:
        json.dump(rounded, out, indent=2)
        out.write("\n")
    path = os.path.join(HERE, "README.md")
    with open(path, encoding="utf-8") as readme:
        text = readme.read()
    text = re.sub(r"(<!-- scores -->\n).*?(<!-- /scores -->)",
                  lambda m: m[1] + table + "\n" + m[2], text, flags=re.S)
    with open(path, "w", encoding="utf-8") as readme:
        readme.write(text)


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--haya", default="build/cli/haya")
    args.add_argument("--models", default=os.path.join(HERE, "models"))
    args.add_argument("--each", type=int, default=data.MEASURED,
                      help="unseen pictures of each of the five kinds")
    args.add_argument("--store", action="store_true",
                      help="update scores.json and README.md")
    args = args.parse_args()
    result = measure(args.haya, args.models, args.each)
    table = markdown(result)
    print(table)
    print(f"\nother maps of \"all\": at most "
          f"{100.0 * result['others_marked']:.3f} % of pixels marked")
    if args.store:
        store(result, table)


if __name__ == "__main__":
    main()
