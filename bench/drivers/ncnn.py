# SPDX-License-Identifier: Apache-2.0
"""ncnn. It has no batches: a batch is run image by image."""

import importlib.metadata

import numpy as np
import ncnn

from bench.drivers import driver


class Ncnn:
    version = importlib.metadata.version("ncnn")
    settings = "float32 storage and arithmetic, packing, Winograd, light mode"

    def __init__(self, threads, x):
        self.threads = threads
        self.images = [ncnn.Mat(image).clone() for image in x]

    def create(self, path):
        net = ncnn.Net()
        net.opt.num_threads = self.threads
        net.opt.lightmode = True
        net.opt.use_packing_layout = True
        net.opt.use_winograd_convolution = True
        net.opt.use_sgemm_convolution = True
        for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
            setattr(net.opt, f"use_{option}", False)
        for load, file in ((net.load_param, path), (net.load_model, path.removesuffix(".param") + ".bin")):
            if load(file) != 0:
                raise OSError(f"{file}: ncnn cannot load it")
        return {"net": net, "input": net.input_names()[0], "output": net.output_names()[0], "results": []}

    def run(self, model):
        model["results"] = []
        for image in self.images:
            extractor = model["net"].create_extractor()
            extractor.input(model["input"], image)
            status, result = extractor.extract(model["output"])
            if status != 0:
                raise RuntimeError(f"ncnn ends a run with {status}")
            model["results"].append(result)

    def output(self, model):
        return np.stack([np.array(result) for result in model["results"]])


if __name__ == "__main__":
    driver.serve(Ncnn)
