# SPDX-License-Identifier: Apache-2.0
"""MNN, through the session interface, which prepares everything when the session is created."""

import importlib.metadata

import MNN
import numpy as np

from bench.drivers import driver


class Mnn:
    version = importlib.metadata.version("MNN")
    settings = "CPU backend, precision high, memory and power normal"

    def __init__(self, threads, x):
        self.x = MNN.Tensor(x.shape, MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe)
        self.options = {"backend": "CPU", "numThread": threads, "precision": "high", "memory": "normal",
                        "power": "normal"}

    def create(self, path):
        net = MNN.Interpreter(path)
        session = net.createSession(self.options)
        output = net.getSessionOutput(session)
        shape = output.getShape()
        result = MNN.Tensor(shape, MNN.Halide_Type_Float, np.zeros(shape, np.float32),
                            MNN.Tensor_DimensionType_Caffe)
        return net, session, net.getSessionInput(session), output, result

    def run(self, model):
        net, session, place, output, result = model
        place.copyFrom(self.x)  # a run may use the input's memory for something else
        net.runSession(session)
        output.copyToHostTensor(result)

    def output(self, model):
        return np.array(model[4].getNumpyData())


if __name__ == "__main__":
    driver.serve(Mnn)
