# SPDX-License-Identifier: Apache-2.0
"""Writes a network's models in all formats: python -m bench.prepare NETWORK COUNT FOLDER MAKE_UNET.

Into the folder: 0.pb, 0.onnx, 0.tflite, 0.param, 0.bin, 0.mnn, 1.pb, ...; the input as x.nhwc, x.nchw and x.npy;
0.npy and 1.npy, what TensorFlow computes with 0.pb and 1.pb; and prepared.json: the seconds that each format took for
each model, and why formats could not be made. A process of its own, so that TensorFlow's memory is gone when it ends.
"""

import concurrent.futures
import hashlib
import json
import pathlib
import subprocess
import sys
import time

import numpy as np

from bench import formats, networks


def stamp():
    """Of all that decides about the files' contents."""
    folder = pathlib.Path(__file__).parent
    sources = [folder / name for name in ("networks.py", "formats.py", "prepare.py", "requirements.txt")]
    sources += [folder.parent / "tools" / name for name in ("make_unet.c", "unet_graph.c", "graph_writer.c")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def read(folder):
    """What is there, or what nothing being there looks like."""
    try:
        prepared = json.loads((folder / "prepared.json").read_text())
    except (OSError, ValueError):
        prepared = {}
    if prepared.get("stamp") != stamp():
        return {"stamp": stamp(), "models": 0, "seconds": {}, "failures": {}}
    return prepared


def main():
    name, count, folder, make_unet = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4]
    network = next(network for network in networks.all_networks() if network.name == name)
    folder.mkdir(parents=True, exist_ok=True)
    prepared = read(folder)
    if prepared["models"] >= count:
        return
    inputs = np.random.default_rng(0).uniform(-1, 1, network.input_shape).astype(np.float32)
    inputs.tofile(folder / "x.nhwc")
    formats.to_nchw(inputs).tofile(folder / "x.nchw")
    np.save(folder / "x.npy", inputs)
    first = prepared["models"]
    for number in range(first, count):
        write_model(network, number, folder, make_unet, prepared)
    for number in range(first, min(count, 2)):
        np.save(folder / f"{number}.npy", formats.tensorflow_result(folder / f"{number}.pb", inputs))
    prepared["models"] = count
    formats.write_whole(folder / "prepared.json", json.dumps(prepared).encode())


def write_model(network, number, folder, make_unet, prepared):
    graph = folder / f"{number}.pb"
    if network.options is not None:
        # Layers bear other names in each file, as those of models trained one after the other do.
        numbering = ["--seed", str(number + 1), "--first-name", str(23 * number)]
        subprocess.run([make_unet, *network.options, *numbering, graph], check=True, stdout=subprocess.DEVNULL)
        parameters = formats.read_parameters(network, graph)
    else:
        parameters = formats.random_parameters(network, number + 1)
        formats.write_graphdef(network, parameters, graph)
    writers = {
        "onnx": lambda path: formats.write_onnx(network, parameters, path),
        "tflite": lambda path: formats.write_tflite(network, graph, path),
        "param": lambda path: formats.write_ncnn(network, parameters, path),
        "mnn": lambda path: formats.write_mnn(graph.with_suffix(".onnx"), path),
    }

    def write(suffix):
        start = time.monotonic()
        try:
            writers[suffix](folder / f"{number}.{suffix}")
            prepared["seconds"].setdefault(suffix, []).append(time.monotonic() - start)
        except Exception as error:  # whatever a converter raises: the peers of the other formats are measured
            prepared["failures"][suffix] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

    write("onnx")
    with concurrent.futures.ThreadPoolExecutor(1) as other:
        other.submit(write, "mnn")  # a process, which reads the ONNX file
        write("param")
        write("tflite")


if __name__ == "__main__":
    main()
