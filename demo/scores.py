# SPDX-License-Identifier: Apache-2.0
"""Scores of maps against masks."""
import numpy as np


def auroc(score, truth):
    """Chance that a true element scores above a false one (ties count half)."""
    score = np.asarray(score, dtype=np.float64).ravel()
    truth = np.asarray(truth).ravel() > 0
    values, place = np.unique(score, return_inverse=True)
    true = np.bincount(place[truth], minlength=values.size).astype(np.float64)
    false = np.bincount(place[~truth], minlength=values.size).astype(np.float64)
    below = np.cumsum(false) - false
    pairs = true.sum() * false.sum()
    return float((true * (below + 0.5 * false)).sum() / pairs)


def best_f1(score, truth, steps=200):
    """The best F1 over thresholds, and that threshold."""
    score = np.asarray(score, dtype=np.float64).ravel()
    truth = np.asarray(truth).ravel() > 0
    best = (0.0, 0.0)
    for threshold in np.linspace(0.0, 1.0, steps + 1)[1:-1]:
        marked = score >= threshold
        hit = np.count_nonzero(marked & truth)
        total = np.count_nonzero(marked) + np.count_nonzero(truth)
        best = max(best, (2.0 * hit / max(total, 1), float(threshold)))
    return best


def picture_scores(maps, share=0.001):
    """One score per picture: the mean of its highest few values."""
    flat = np.sort(maps.reshape(len(maps), -1), axis=1)
    return flat[:, -max(1, int(share * flat.shape[1])):].mean(1)
