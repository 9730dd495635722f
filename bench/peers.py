# SPDX-License-Identifier: Apache-2.0
"""Who is compared: how each is started, and which files it reads."""

import dataclasses
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Peer:
    key: str
    title: str
    format: str  # the suffix of its model files
    driver: str  # "haya", "tensorflow": programs in C; else a module in drivers/
    option: str = ""
    note: str = ""  # about the files

    @property
    def nchw(self):
        return self.format in ("onnx", "param", "mnn")

    def command(self, build):
        if self.driver in ("haya", "tensorflow"):
            return [str(build / "bench" / f"{self.driver}_driver")]
        return [sys.executable, "-m", f"bench.drivers.{self.driver}"]

    def files(self, model):
        """What it reads of the model whose file is `model`."""
        return [model, model.with_suffix(".bin")] if self.format == "param" else [model]


PEERS = [
    Peer("haya", "haya", "pb", "haya", note="reads the frozen graph"),
    Peer("tensorflow", "TensorFlow", "pb", "tensorflow", note="reads the frozen graph"),
    Peer("tensorflow-fed", "TensorFlow, parameters fed", "pb", "tensorflow", "fed", note="reads the frozen graph"),
    Peer("onnxruntime", "ONNX Runtime", "onnx", "onnxruntime", note="ONNX written from the parameters, NCHW"),
    Peer("openvino", "OpenVINO", "onnx", "openvino",
         note="the ONNX file, NCHW; it reads the frozen graph, too, but takes longer to create a model from it"),
    Peer("litert", "LiteRT", "tflite", "litert", note="converted by tf.lite.TFLiteConverter, float32"),
    Peer("ncnn", "ncnn", "param", "ncnn", note=".param and .bin written from the parameters, NCHW"),
    Peer("mnn", "MNN", "mnn", "mnn", note="converted from ONNX by mnnconvert"),
]

C_FLAGS = ["-std=c17", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wno-sign-conversion",
           "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wundef", "-Wvla", "-Werror"]


def build_tensorflow_driver(build, tensorflow):
    """Compiles drivers/tensorflow.c against the library and the headers in the Python package's folder."""
    drivers, target = ROOT / "bench/drivers", build / "bench/tensorflow_driver"
    sources = [drivers / "tensorflow.c", drivers / "driver.c"]
    newest = max(path.stat().st_mtime for path in [*sources, drivers / "driver.h", tensorflow / "include"])
    if target.exists() and target.stat().st_mtime > newest:
        return
    libraries = [f"-l:{name}.so.2" for name in ("libtensorflow_cc", "libtensorflow_framework")]
    command = ["cc", *C_FLAGS, *sources, "-isystem", tensorflow / "include", f"-L{tensorflow}", *libraries,
               f"-Wl,-rpath,{tensorflow}", "-o", target]
    subprocess.run(list(map(str, command)), check=True)
