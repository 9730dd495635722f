# SPDX-License-Identifier: Apache-2.0
"""OpenVINO, CPU plugin, in float32: where the processor has AMX, its default would be bfloat16."""

import sys

# It would report the use of OpenVINO to its makers, from processes that run beside the measurement and outlive it.
sys.modules["openvino_telemetry"] = None

import openvino as ov  # noqa: E402

from bench.drivers import driver  # noqa: E402


class OpenVino:
    version = ov.__version__.partition("-")[0]
    settings = "latency hint, inference precision f32, 1 stream"

    def __init__(self, threads, x):
        self.core, self.x = ov.Core(), ov.Tensor(x, shared_memory=True)
        self.options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": "1",
                        "INFERENCE_NUM_THREADS": str(threads)}

    def create(self, path):
        request = self.core.compile_model(path, "CPU", self.options).create_infer_request()
        request.set_input_tensor(self.x)
        return request

    def run(self, request):
        request.infer()

    def output(self, request):
        return request.get_output_tensor().data


if __name__ == "__main__":
    driver.serve(OpenVino)
