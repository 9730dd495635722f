# SPDX-License-Identifier: Apache-2.0
"""What stops a model from being frozen, said in one sentence."""

import sys

FAILED, USAGE, MODEL = 1, 2, 3  # exit statuses, as of the haya command


class Problem(Exception):
    """A sentence, without a full stop, and the exit status that goes with it."""

    def __init__(self, sentence, status=FAILED):
        super().__init__(" ".join(str(sentence).split()))
        self.status = status

    def report(self):
        """Prints the sentence; returns the status."""
        print(f"freeze: {self}", file=sys.stderr)
        return self.status


def first_sentence(error):
    """The beginning of an exception's text, which often goes on for a page."""
    text = str(error).strip() or type(error).__name__
    line = text.splitlines()[0].strip()
    return line.split(". ")[0].rstrip(".")[:300]


def listed(names, limit=8):
    """The names, quoted, as part of a sentence."""
    names = [f"'{name}'" for name in names]
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
