#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records small cases of every operation with TensorFlow's own results.

generate.py                     writes recorded/<Op>.pb anew
generate.py --only Conv2D,Pad   only these files
generate.py --verify            runs the recorded files in TensorFlow and compares
generate.py --seed 7 --more --out DIR   other values and many random cases more
"""
import argparse
import collections
import pathlib
import sys

from builder import CaseError, CaseFile, Session, same, tf, v1
import cases_array
import cases_calls
import cases_const
import cases_control
import cases_math
import cases_nn
import cases_patterns
import cases_pool
import cases_random
import cases_shape

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20240817
MODULES = (cases_nn, cases_pool, cases_math, cases_array, cases_shape, cases_const,
           cases_control, cases_calls, cases_patterns)

# Kernels that TensorFlow lacks on a CPU; what else it lacks it says on running.
NO_KERNEL = {(op, "NCHW") for op in (
    "SpaceToDepth", "DepthToSpace", "Conv2D", "Conv2DBackpropInput",
    "DepthwiseConv2dNative", "MaxPool", "AvgPool")}


def writers():
    """File name -> the functions that add its cases."""
    table = collections.OrderedDict()
    for module in MODULES:
        for name, function in module.FILES.items():
            assert name not in table, name
            table[name] = [function]
    return table


def record(out, seed, more, only):
    out.mkdir(parents=True, exist_ok=True)
    table = writers()
    if more:
        for name, function in cases_random.FILES.items():
            table[name].append(function)
    total_cases = total_bytes = failed = 0
    for name, functions in table.items():
        if only and name not in only:
            continue
        file = CaseFile(name, seed)
        for function in functions:
            function(file)
        try:
            data = file.finish()
        except CaseError as e:
            print(e)
            failed = True
            continue
        (out / f"{name}.pb").write_bytes(data)
        total_cases += len(file.cases)
        total_bytes += len(data)
        print(f"{name:26} {len(file.cases):4} cases {len(data):8} bytes")
    print(f"{total_cases} cases, {total_bytes} bytes")
    return not failed


def verify_file(path):
    """Returns (cases compared, cases TensorFlow cannot run, complaints)."""
    graph_def = v1.GraphDef.FromString(path.read_bytes())
    nodes = {node.name: node for node in graph_def.node}
    cases = collections.defaultdict(lambda: ([], [], set()))  # feeds, outs, kernels
    for node in graph_def.node:
        case, _, leaf = node.name.partition("/")
        feeds, outs, kernels = cases[case]
        if leaf.startswith("feed_"):
            feeds.append(leaf[5:])
        elif leaf.startswith("want_"):
            outs.append(leaf[5:])
        kernels.add((node.op, node.attr["data_format"].s.decode()))
    skipped = {case for case, (_, _, kernels) in cases.items() if kernels & NO_KERNEL}
    wanted = [f"{case}/out_{k}:0" for case, (_, outs, _) in cases.items()
              for k in outs if case not in skipped]
    session = Session(graph_def, wanted)
    value = lambda name: tf.make_ndarray(nodes[name].attr["value"].tensor)
    bad, done = [], 0
    for case, (feeds, outs, _) in cases.items():
        if not outs or case in skipped:
            continue
        try:
            got = session.run([f"{case}/out_{k}:0" for k in outs],
                              {f"{case}/in_{k}:0": value(f"{case}/feed_{k}") for k in feeds})
        except tf.errors.OpError as e:
            if isinstance(e, tf.errors.UnimplementedError) or "not yet support" in e.message:
                skipped.add(case)
                continue
            bad.append(f"{path.stem}: {case}: {e.message[:200]}")
            continue
        done += 1
        for k, v in zip(outs, got):
            if not same(v, value(f"{case}/want_{k}")):
                bad.append(f"{path.stem}: {case}/out_{k} differs")
    return done, len(skipped), bad


def verify(out, only):
    total, total_skipped, complaints = 0, 0, []
    for path in sorted(out.glob("*.pb")):
        if only and path.stem not in only:
            continue
        done, skipped, bad = verify_file(path)
        total, total_skipped = total + done, total_skipped + skipped
        complaints += bad
    print(f"{total} cases agree bitwise or are listed below; "
          f"{total_skipped} have no TensorFlow CPU kernel")
    for line in complaints:
        print(line)
    return not complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "recorded")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--more", action="store_true",
                        help="add random shapes and attributes")
    parser.add_argument("--only", type=lambda s: s.split(","), default=None,
                        help="only these files, separated by commas")
    parser.add_argument("--verify", action="store_true",
                        help="compare the files in --out with TensorFlow")
    args = parser.parse_args()
    if args.verify:
        return 0 if verify(args.out, args.only) else 1
    return 0 if record(args.out, args.seed, args.more, args.only) else 1


if __name__ == "__main__":
    sys.exit(main())
