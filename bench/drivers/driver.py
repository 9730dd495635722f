# SPDX-License-Identifier: Apache-2.0
"""What the drivers in Python share: the protocol, which driver.c speaks too.

    python -m bench.drivers.NAME THREADS INPUT SHAPE

INPUT is a file of float32 numbers in the shape SHAPE, "1x256x256x1". One line of JSON tells that the driver is ready.
Commands then come as lines on standard input, and each is answered by one line of JSON on standard output:

    load FILE          makes a model that is ready to run, and runs it once: create_ms, first_ms
    unload             frees the model that was loaded last
    run 0 0 1 1        runs the models of those numbers, in that order: run_ms, a list
    output FILE        writes what the last run computed, float32
    quit

A command that fails is answered by {"error": "..."}.
"""

import gc
import json
import os
import sys
import time

import numpy as np


def serve(make):
    """Answers commands with what `make(threads, input)` returns: version and settings, create(path) -> model,
    run(model), output(model) -> array."""
    # Libraries print; what they print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**values):
        print(json.dumps(values), file=answers, flush=True)

    threads, path, shape = int(sys.argv[1]), sys.argv[2], [int(dim) for dim in sys.argv[3].split("x")]
    try:
        peer = make(threads, np.fromfile(path, np.float32).reshape(shape))
    except Exception as error:  # whatever a library raises
        answer(error=describe(error))
        return
    gc.collect()
    gc.disable()
    answer(version=peer.version, settings=peer.settings)
    models, last = [], None
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        try:
            if command == "load":
                start = time.perf_counter_ns()
                model = peer.create(rest)
                created = time.perf_counter_ns()
                peer.run(model)
                ran = time.perf_counter_ns()
                models.append(model)
                last = model
                answer(create_ms=(created - start) / 1e6, first_ms=(ran - created) / 1e6)
            elif command == "unload":
                last = model = None
                models.pop()
                gc.collect()
                answer()
            elif command == "run":
                order = [models[int(number)] for number in rest.split()]
                times = []
                for last in order:
                    start = time.perf_counter_ns()
                    peer.run(last)
                    times.append((time.perf_counter_ns() - start) / 1e6)
                answer(run_ms=times)
            elif command == "output":
                np.ascontiguousarray(peer.output(last), np.float32).tofile(rest)
                answer()
            elif command == "quit":
                return
            else:
                answer(error=f"unknown command '{command}'")
        except Exception as error:
            answer(error=describe(error))


def describe(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
