# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime, CPU execution provider."""

import numpy as np
import onnxruntime as ort

from bench.drivers import driver


class OnnxRuntime:
    version = ort.__version__
    settings = ("sequential execution, all graph optimizations, input and output bound once, threads stop spinning "
                "when a run ends")

    def __init__(self, threads, x):
        self.x = x
        self.options = ort.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1
        # Else the threads of the session that ran before spin on while the next one runs.
        self.options.add_session_config_entry("session.force_spinning_stop", "1")
        self.options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        self.options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL

    def create(self, path):
        session = ort.InferenceSession(path, self.options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        binding.bind_ortvalue_input(session.get_inputs()[0].name, ort.OrtValue.ortvalue_from_numpy(self.x))
        output = session.get_outputs()[0]
        result = ort.OrtValue.ortvalue_from_numpy(np.empty(output.shape, np.float32))
        binding.bind_ortvalue_output(output.name, result)
        return session, binding, result

    def run(self, model):
        model[0].run_with_iobinding(model[1])

    def output(self, model):
        return model[2].numpy()


if __name__ == "__main__":
    driver.serve(OnnxRuntime)
