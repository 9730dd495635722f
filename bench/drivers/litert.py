# SPDX-License-Identifier: Apache-2.0
"""LiteRT (TensorFlow Lite), whose CPU kernels are XNNPACK's."""

import importlib.metadata

from ai_edge_litert import interpreter

from bench.drivers import driver


class LiteRt:
    version = importlib.metadata.version("ai-edge-litert")
    settings = "Interpreter, XNNPACK"

    def __init__(self, threads, x):
        self.threads, self.x = threads, x

    def create(self, path):
        model = interpreter.Interpreter(path, num_threads=self.threads)
        model.allocate_tensors()
        model.set_tensor(model.get_input_details()[0]["index"], self.x)
        return model, model.get_output_details()[0]["index"]

    def run(self, model):
        model[0].invoke()

    def output(self, model):
        return model[0].get_tensor(model[1])


if __name__ == "__main__":
    driver.serve(LiteRt)
