# SPDX-License-Identifier: Apache-2.0
"""The command line: each command, its exit statuses, its JSON, and what it does to files."""

import json
import os
import signal
import subprocess
import unittest

import graphs
import harness
import numpy as np

SMALL = ["--width", "4", "--levels", "3", "--size", "32x32"]
MODELS = {
    "a.pb": SMALL,
    "b.pb": [*SMALL, "--seed", "2", "--first-name", "24", "--shuffle"],
    "wide.pb": ["--width", "8", "--levels", "3", "--size", "32x32"],
    "open.pb": ["--width", "4", "--levels", "3", "--size", "open"],
    "norm.pb": [*SMALL, "--upsample", "transpose", "--batch-norm"],
}


def unsupported(path, to):
    """The model with its Relus made something that no library has."""
    to.write_bytes(path.read_bytes().replace(b"\x12\x04Relu", b"\x12\x04Rule"))
    return to


def progress_free(result):
    return b"\r" not in result.stderr and b"\x1b" not in result.stderr


class CommandLine(harness.HayaTest):
    models = {"a.pb": SMALL}

    def test_help_of_each_command_fits_the_screen(self):
        for arguments in (["--help"], ["-h"], ["help"], *([name, "--help"] for name in COMMANDS),
                          *(["help", name] for name in COMMANDS)):
            lines = self.succeed(*arguments).splitlines()
            self.assertLess(len(lines), 24, arguments)
            self.assertLess(max(map(len, lines)), 80, arguments)
            self.assertTrue(lines[0].startswith("usage: haya "), arguments)

    def test_help_names_every_command_and_exit_status(self):
        text = self.succeed("--help")
        for name in COMMANDS:
            self.assertIn(f"haya {name} ", text)
        for status in range(7):
            self.assertRegex(text, rf"\b{status} [a-z]")

    def test_version_tells_version_and_build(self):
        first, build = self.succeed("--version").splitlines()
        self.assertRegex(first, r"^haya \d+\.\d+\.\d+$")
        self.assertIn("haya", build)

    def test_without_a_command_usage_goes_to_stderr(self):
        result = harness.haya()
        self.assertEqual((result.returncode, result.stdout), (2, b""))
        self.assertIn(b"usage:", result.stderr)

    def test_wrong_usage_is_2_and_points_at_help(self):
        a = self.shared / "a.pb"
        for arguments, says in ((["nosuch"], "'nosuch'"), (["help", "nosuch"], "'nosuch'"),
                                (["run"], "no model"), (["inspect"], "no model"), (["bench"], "no model"),
                                (["compare", a], "two models"), (["compare", a, a, a], "third"),
                                (["run", a, a], "not both"), (["inspect", a, a], "not both"),
                                (["run", a, "--nosuch"], "'--nosuch'"), (["run", a, "-x"], "'-x'"),
                                (["run", a, "-i"], "needs a value"), (["run", a, "--repeat"], "needs a value"),
                                (["inspect", a, "--plan=1"], "takes no value"),
                                (["run", a, "--repeat", "0"], "'0' is not a number"),
                                (["run", a, "--repeat", "1x"], "'1x' is not a number"),
                                (["run", a, "--threads=-1"], "'-1' is not a number"),
                                (["bench", a, "--runs", ""], "'' is not a number"),
                                (["inspect", a, "--shape", "1,x"], "'1,x' is not a shape"),
                                (["inspect", a, "--shape", "nosuch=1,2"], "no model has an input 'nosuch'"),
                                (["inspect", a, "--shape=1,32,32,1", "--shape", "2"], "more shapes")):
            with self.subTest(arguments):
                sentence = self.refuse(2, *arguments, says=says)
                self.assertRegex(sentence, r"see 'haya (|\w+ )--help'")
                if arguments[0] != "help":
                    error = self.refuse(2, arguments[0], "--json", *arguments[1:])
                    self.assertEqual(error["status"], "HAYA_ERROR_ARGUMENT")

    def test_options_take_values_in_each_spelling_and_end_at_two_dashes(self):
        np.save(self.directory / "x.npy", np.zeros((32, 32, 1), np.float32))
        a, x = self.shared / "a.pb", self.directory / "x.npy"
        for arguments in ([a, "-i", x], [a, f"-i{x}"], [a, "--input", x], [a, f"--input={x}"], ["-i", x, a],
                          ["-i", x, "--", a]):
            self.assertIn("output/Sigmoid", self.succeed("run", *arguments))
        self.refuse(2, "run", "-i", x, a, "--", "--repeat", says=("not both", "'--repeat'"))

    def test_a_model_that_is_not_one_is_3(self):
        junk = self.directory / "junk.pb"
        junk.write_bytes(b"\xff" * 100)
        for command in ("run", "inspect", "bench"):
            self.refuse(3, command, self.directory / "nosuch.pb", says="nosuch.pb")
            self.refuse(3, command, junk, says="junk.pb")
            self.assertEqual(self.refuse(3, command, junk, "--json")["status"], "HAYA_ERROR_FORMAT")
        self.refuse(3, "compare", self.shared / "a.pb", junk, says="junk.pb")

    def test_folders_of_models_are_named_with_the_command_that_takes_them(self):
        for name, file, what in (("saved", "saved_model.pb", "a TensorFlow SavedModel"),
                                 ("unzipped", "model.weights.h5", "a Keras model"),
                                 ("training", "checkpoint", "a folder with TensorFlow checkpoints")):
            folder = self.directory / name
            folder.mkdir()
            self.refuse(3, "inspect", folder, says="is a directory")
            (folder / file).write_bytes(b"x")
            self.refuse(3, "inspect", folder, says=[what, f"`tools/freeze {folder}`"])

    def test_standard_output_that_cannot_be_written_is_1(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            result = subprocess.run([harness.program("HAYA"), "--help"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, b"haya: standard output cannot be written\n")

    def test_control_characters_in_names_do_not_reach_the_terminal(self):
        path = self.directory / "evil.pb"
        path.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, [2]) +
                         graphs.node("y\x1b[31m", "Nosuch\x07", ["x"], T=graphs.type_attr(graphs.DT_FLOAT)))
        result = harness.haya("inspect", path)
        for stream in (result.stdout, result.stderr):
            self.assertNotIn(b"\x1b", stream)
            self.assertNotIn(b"\x07", stream)


COMMANDS = ("run", "inspect", "compare", "bench")


class Run(harness.HayaTest):
    models = MODELS

    def setUp(self):
        super().setUp()
        self.image = np.random.default_rng(0).random((1, 32, 32, 1)).astype(np.float32)
        self.x = self.directory / "x.npy"
        self.y = self.directory / "y.npy"
        np.save(self.x, self.image)
        self.a = self.shared / "a.pb"

    def run_to(self, model, *arguments):
        self.assertEqual(self.succeed("run", model, *arguments, "-o", self.y), "")
        return np.load(self.y)

    def test_output_is_written_as_npy(self):
        result = self.run_to(self.a, "-i", self.x)
        self.assertEqual((result.dtype, result.shape), (np.float32, (1, 32, 32, 1)))
        self.assertTrue(((result > 0) & (result < 1)).all())

    def test_without_output_a_summary_is_printed(self):
        result = self.run_to(self.a, "-i", self.x)
        line = self.succeed("run", self.a, "-i", self.x)
        for part in ("output/Sigmoid", "float32", "[1,32,32,1]", f"min {result.min():.4f}"[:8], "0 not finite"):
            self.assertIn(part, line)

    def test_a_missing_batch_dimension_is_added(self):
        whole = self.run_to(self.a, "-i", self.x)
        np.save(self.x, self.image[0])
        np.testing.assert_array_equal(self.run_to(self.a, "-i", self.x), whole)

    def test_an_open_batch_is_as_large_as_the_file_says(self):
        two = np.concatenate([self.image, 1 - self.image])
        np.save(self.x, two)
        result = self.run_to(self.a, "-i", self.x)
        self.assertEqual(result.shape, (2, 32, 32, 1))
        np.save(self.x, two[1:])
        np.testing.assert_array_equal(self.run_to(self.a, "-i", self.x), result[1:])

    def test_any_tensor_is_fetched_and_fed(self):
        whole = self.run_to(self.a, "-i", self.x)
        half = self.directory / "half.npy"
        self.succeed("run", self.a, "-i", f"input_1={self.x}", "-o", f"conv2d_5/Relu:0={half}")
        self.assertEqual(np.load(half).shape, (1, 8, 8, 16))
        cuts = ("conv2d_5/Relu", "conv2d_3/Relu", "conv2d_1/Relu")
        files = [self.directory / f"{i}.npy" for i in range(3)]
        self.succeed("run", self.a, "-i", self.x,
                     *(part for cut, file in zip(cuts, files) for part in ("-o", f"{cut}={file}")))
        fed = [part for cut, file in zip(cuts, files) for part in ("-i", f"{cut}={file}")]
        np.testing.assert_array_equal(self.run_to(self.a, *fed), whole)

    def test_an_input_that_is_missing_is_named_with_its_shape(self):
        self.refuse(2, "run", self.a, says=("'input_1'", "float32", "[?,32,32,1]", "-i input_1="))

    def test_several_outputs_are_written_in_one_run(self):
        z = self.directory / "z.npy"
        self.succeed("run", self.a, "-i", self.x, "-o", f"conv2d/Relu={z}", "-o", self.y)
        self.assertEqual(np.load(z).shape, (1, 32, 32, 4))
        np.testing.assert_array_equal(np.load(self.y), self.run_to(self.a, "-i", self.x))

    def test_names_and_files_that_cannot_be_meant_are_refused(self):
        x, y = self.x, self.y
        for arguments, says in ((["-i", x, "-i", x], "too many"),
                                (["-i", x, "-i", f"input_1={x}"], "two files are given for 'input_1'"),
                                (["-i", x, "-o", y, "-o", y], "too many"),
                                (["-i", x, "-o", y, "-o", f"conv2d/Relu={y}"], "two outputs"),
                                (["-i", x, "-o", self.directory / "y.jpg"], ".npy"),
                                (["-i", f"nosuch={x}"], "'nosuch'"),
                                (["-i", f"input_1:7={x}"], "'input_1:7'"),
                                (["-i", x, "-o", f"nosuch={y}"], "'nosuch'")):
            with self.subTest(arguments):
                self.refuse(2, "run", self.a, *arguments, says=says)
        self.assertEqual(sorted(os.listdir(self.directory)), ["x.npy"])

    def test_an_input_of_another_shape_is_6(self):
        for shape in ((32, 32), (1, 32, 32), (1, 16, 32, 1), (1, 1, 32, 32, 1)):
            np.save(self.x, np.zeros(shape, np.float32))
            text = str(list(shape)).replace(" ", "")
            self.refuse(6, "run", self.a, "-i", self.x, says=(text, "'input_1'", "[?,32,32,1]", "x.npy"))

    def test_repeat_tells_times(self):
        text = self.succeed("run", self.a, "-i", self.x, "--repeat", "5")
        for part in ("first run", "4 more runs", "min", "median"):
            self.assertIn(part, text)

    def test_json_has_the_documented_keys(self):
        told = self.succeed_json("run", self.a, "-i", self.x, "-o", self.y, "--repeat", "3", "--threads", "2")
        self.assertEqual(list(told), ["model", "threads", "open_ms", "bind_ms", "plan_ms", "first_ms", "run_ms",
                                      "inputs", "tiles", "roi", "memory", "outputs", "settings", "classes", "verdict"])
        self.assertEqual((told["model"], told["threads"]), (str(self.a), 2))
        self.assertTrue(0 < told["run_ms"]["min"] <= told["run_ms"]["median"] <= told["run_ms"]["p90"])
        self.assertEqual(told["inputs"], [{"name": "input_1", "dtype": "float32", "shape": [1, 32, 32, 1],
                                           "file": str(self.x)}])
        result = np.load(self.y)
        output = told["outputs"][0]
        self.assertEqual(set(output), {"name", "dtype", "shape", "min", "max", "mean", "nonfinite", "file"})
        self.assertEqual((output["name"], output["file"]), ("output/Sigmoid", str(self.y)))
        self.assertEqual(np.float32(output["min"]), result.min())
        self.assertEqual(np.float32(output["max"]), result.max())
        self.assertAlmostEqual(output["mean"], result.mean(dtype=np.float64), places=9)

    def test_json_of_a_single_run_has_no_steady_times(self):
        told = self.succeed_json("run", self.a, "-i", self.x)
        self.assertIsNone(told["run_ms"])
        self.assertIsNone(told["outputs"][0]["file"])

    def test_results_do_not_depend_on_threads_or_repetition(self):
        one = self.run_to(self.a, "-i", self.x, "--threads", "1")
        np.testing.assert_array_equal(self.run_to(self.a, "-i", self.x, "--threads", "3"), one)
        self.succeed("run", self.a, "-i", self.x, "--repeat", "4", "-o", self.y)
        np.testing.assert_array_equal(np.load(self.y), one)

    def test_nan_and_infinity_are_counted(self):
        self.image[0, 0, :2, 0] = np.nan, np.inf
        np.save(self.x, self.image)
        path = self.directory / "m.pb"
        path.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, [-1, 32, 32, 1]) +
                         graphs.identity("y", "x", graphs.DT_FLOAT))
        output = self.succeed_json("run", path, "-i", self.x)["outputs"][0]
        self.assertEqual(output["nonfinite"], 2)
        finite = self.image[np.isfinite(self.image)]
        self.assertEqual(np.float32(output["max"]), finite.max())

    def test_an_unsupported_operation_is_4(self):
        path = unsupported(self.a, self.directory / "u.pb")
        self.refuse(4, "run", path, "-i", self.x, says=("u.pb", "Rule"))
        self.assertEqual(self.refuse(4, "run", path, "-i", self.x, "--json")["status"], "HAYA_ERROR_UNSUPPORTED")


class RunFiles(harness.HayaTest):
    """What happens to files while `haya run` works."""

    models = MODELS

    def setUp(self):
        super().setUp()
        self.x = self.directory / "x.npy"
        self.y = self.directory / "y.npy"
        np.save(self.x, np.zeros((1, 32, 32, 1), np.float32))
        self.model = self.directory / "model.pb"
        self.model.write_bytes((self.shared / "a.pb").read_bytes())

    def start(self, repeat):
        """A long run that has come as far as having its output's temporary file."""
        process = subprocess.Popen([harness.program("HAYA"), "run", self.model, "-i", self.x, "-o", self.y,
                                    "--repeat", str(repeat)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        harness.wait_until(lambda: len(os.listdir(self.directory)) > 2 or process.poll() is not None)
        return process

    def end(self, process):
        _, err = process.communicate(timeout=600 * harness.SLOWER)
        return process.returncode, err.decode()

    def test_a_signal_leaves_no_file(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_IGN:  # as shells start what runs in the background
                signal.signal(number, signal.SIG_DFL)
            process = self.start(10**9)
            process.send_signal(number)
            self.assertEqual(self.end(process), (-number, ""))
            self.assertEqual(sorted(os.listdir(self.directory)), ["model.pb", "x.npy"])

    def test_a_failed_run_leaves_the_old_output_as_it_was(self):
        self.y.write_bytes(b"old")
        self.refuse(2, "run", self.model, "-i", self.x, "-o", self.y, "-o", f"nosuch={self.directory}/z.npy")
        self.assertEqual(self.y.read_bytes(), b"old")
        self.assertEqual(sorted(os.listdir(self.directory)), ["model.pb", "x.npy", "y.npy"])

    def test_an_output_that_cannot_be_written_is_1_and_found_at_once(self):
        self.refuse(1, "run", self.model, "-i", self.x, "-o", self.directory / "nosuch" / "y.npy", "--repeat",
                    10**9, says=("nosuch/y.npy", "No such file"))

    def test_a_file_size_limit_leaves_no_file(self):
        result = subprocess.run(["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", harness.program("HAYA"), "run",
                                 self.model, "-i", self.x, "-o", self.y], capture_output=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(sorted(os.listdir(self.directory)), ["model.pb", "x.npy"])

    def refuse_changed(self, process):
        status, sentence = self.end(process)
        self.assertEqual(status, 3, sentence)
        self.assertIn("model.pb", sentence)
        self.assertEqual(sorted(os.listdir(self.directory)), ["model.pb", "x.npy"])

    def test_a_model_overwritten_in_place_is_noticed(self):
        process = self.start(10**9)
        with open(self.model, "r+b") as file:
            file.seek(1000)
            file.write(b"\0" * 100)
        self.refuse_changed(process)

    def test_a_model_truncated_in_place_is_noticed(self):
        process = self.start(10**9)
        os.truncate(self.model, 100)
        self.refuse_changed(process)

    def test_a_model_replaced_by_renaming_goes_on(self):
        ms = self.succeed_json("run", self.model, "-i", self.x, "--repeat", "50")["run_ms"]["median"]
        self.succeed("run", self.model, "-i", self.x, "-o", self.y)
        before = self.y.read_bytes()
        for seconds in (1.5, 10, 60):  # where this process gets few turns, the other is to take longer
            self.y.unlink()
            self.model.write_bytes((self.shared / "a.pb").read_bytes())
            other = self.shared / "other.pb"
            other.write_bytes((self.shared / "b.pb").read_bytes())
            process = self.start(int(1000 * seconds / ms) + 1)
            os.replace(other, self.model)
            in_its_middle = process.poll() is None
            self.assertEqual(self.end(process), (0, ""))
            self.assertEqual(self.y.read_bytes(), before)
            if in_its_middle:
                break
        self.assertTrue(in_its_middle)

    def test_progress_is_shown_on_a_terminal_only(self):
        arguments = [harness.program("HAYA"), "run", self.model, "-i", self.x, "--repeat", "200"]
        self.assertTrue(progress_free(harness.run(arguments)))
        terminal, side = os.openpty()
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=side)
        os.close(side)
        seen = b""
        try:
            while part := os.read(terminal, 1000):
                seen += part
        except OSError:  # the other side is closed
            pass
        os.close(terminal)
        self.assertEqual(process.wait(timeout=600 * harness.SLOWER), 0)
        self.assertIn(b"of 200", seen)


class Inspect(harness.HayaTest):
    models = MODELS

    def test_json_has_the_documented_keys(self):
        told = self.succeed_json("inspect", self.shared / "a.pb")
        self.assertEqual(list(told), ["file", "format", "structure", "inputs", "outputs", "operations",
                                      "unsupported", "parameters", "settings"])
        self.assertEqual(told["format"], "tensorflow-graphdef")
        self.assertRegex(told["structure"], r"^[0-9a-f]{32}$")
        self.assertEqual(told["inputs"], [{"name": "input_1", "dtype": "float32", "shape": [None, 32, 32, 1]}])
        self.assertEqual(told["outputs"],
                         [{"name": "output/Sigmoid", "dtype": "float32", "shape": [None, 32, 32, 1]}])
        self.assertEqual(told["operations"]["Conv2D"], 13)
        self.assertEqual(told["unsupported"], [])
        parameters = told["parameters"]
        self.assertEqual(list(parameters), ["count", "bytes", "in_place_bytes", "derived_bytes", "tensors"])
        self.assertEqual(parameters["bytes"], 4 * parameters["count"])
        self.assertEqual(sum(tensor["bytes"] for tensor in parameters["tensors"]), parameters["bytes"])
        self.assertEqual(set(parameters["tensors"][0]), {"name", "dtype", "shape", "bytes", "in_place", "why"})

    def test_text_tells_the_same(self):
        told = self.succeed_json("inspect", self.shared / "a.pb")
        text = self.succeed("inspect", self.shared / "a.pb")
        for part in (told["structure"], "input_1", "[?,32,32,1]", "output/Sigmoid", "13 Conv2D",
                     f"{told['parameters']['count']:,}"):
            self.assertIn(part, text)

    def test_plan_tells_each_step(self):
        plan = self.succeed_json("inspect", self.shared / "a.pb", "--plan")["plan"]
        self.assertEqual(list(plan), ["steps", "scratch_bytes", "flops", "executed_flops"])
        self.assertGreaterEqual(len(plan["steps"]), 13)
        for step in plan["steps"]:
            self.assertEqual(list(step), ["node", "op", "kernel", "why", "dtype", "shape", "flops", "executed_flops",
                                          "bytes"])
            self.assertTrue(step["kernel"] and step["why"])
        for key in ("flops", "executed_flops"):
            self.assertEqual(sum(step[key] for step in plan["steps"]), plan[key])
        text = self.succeed("inspect", self.shared / "a.pb", "--plan")
        self.assertIn("why this kernel", text)
        for step in plan["steps"]:
            row = next(line for line in text.splitlines() if f" {step['node']} " in line and step["op"] in line)
            for part in (step["kernel"], step["why"]):
                self.assertIn(part, row)

    def test_plan_tells_which_steps_execute_fewer_products(self):
        plan = self.succeed_json("inspect", self.shared / "wide.pb", "--plan")["plan"]
        fewer = [step for step in plan["steps"] if "winograd" in step["kernel"] or
                 ("direct" in step["kernel"] and "Resize" in step["op"])]  # sums of weights that meet one pixel
        self.assertTrue(any("winograd" in step["kernel"] for step in fewer))
        for step in plan["steps"]:
            compare = self.assertLess if step in fewer else self.assertEqual
            compare(step["executed_flops"], step["flops"], step["kernel"])
        self.assertLess(plan["executed_flops"], plan["flops"])

    def test_open_sizes_need_a_shape_to_plan_only(self):
        path = self.shared / "open.pb"
        self.assertEqual(self.succeed_json("inspect", path)["inputs"][0]["shape"], [None, None, None, 1])
        self.refuse(2, "inspect", path, "--plan", says=("'input_1'", "[?,?,?,1]", "--shape"))
        steps = {}
        for shape in ("1,32,32,1", "input_1=1,64,64,1", "input_1:0=2,32,32,1"):
            steps[shape] = self.succeed_json("inspect", path, "--plan", "--shape", shape)["plan"]["steps"]
        self.assertEqual(steps["1,32,32,1"][-1]["shape"], [1, 32, 32, 1])
        self.assertEqual(steps["input_1=1,64,64,1"][-1]["shape"], [1, 64, 64, 1])
        self.assertEqual(steps["input_1:0=2,32,32,1"][-1]["shape"], [2, 32, 32, 1])

    def test_a_shape_that_does_not_fit_is_6(self):
        self.refuse(6, "inspect", self.shared / "a.pb", "--plan", "--shape", "1,32,32,3", says="input_1")

    def test_check_finds_nothing_in_a_sound_model(self):
        for name in ("a.pb", "norm.pb"):
            told = self.succeed_json("inspect", self.shared / name, "--check")
            self.assertEqual(told["check"], {"nan": 0, "inf": 0, "tensors": []})
        self.assertIn("no parameter is NaN or infinite", self.succeed("inspect", self.shared / "a.pb", "--check"))

    def test_check_names_tensors_with_nan_and_infinity(self):
        data = bytearray((self.shared / "norm.pb").read_bytes())
        for name, values in (("conv2d_1/kernel", [np.nan, np.inf, np.nan]),
                             ("batch_normalization/moving_variance", [-np.inf])):
            start, _ = graphs.tensor_content(data, name)
            data[start:start + 4 * len(values)] = np.array(values, "<f4").tobytes()
        path = self.directory / "bad.pb"
        path.write_bytes(data)
        check = self.succeed_json("inspect", path, "--check")["check"]
        self.assertEqual((check["nan"], check["inf"]), (2, 2))
        self.assertEqual(sorted(tensor["name"] for tensor in check["tensors"]),
                         ["batch_normalization/moving_variance", "conv2d_1/kernel"])
        text = self.succeed("inspect", path, "--check")
        self.assertIn("conv2d_1/kernel", text)

    def test_unsupported_operations_are_4_and_the_rest_is_told(self):
        path = unsupported(self.shared / "a.pb", self.directory / "u.pb")
        result = harness.haya("inspect", path, "--json", "--plan", "--check")
        self.assertEqual(result.returncode, 4)
        told = json.loads(result.stdout)
        self.assertEqual(told["operations"]["Rule"], 12)
        self.assertEqual(len(told["unsupported"]), 12)
        self.assertEqual(set(told["unsupported"][0]), {"node", "op", "why"})
        self.assertEqual(told["unsupported"][0]["op"], "Rule")
        self.assertIsNone(told["structure"])
        self.assertEqual(told["error"]["status"], "HAYA_ERROR_UNSUPPORTED")
        self.assertGreater(told["parameters"]["count"], 1000)
        result = harness.haya("inspect", path)
        self.assertEqual(result.returncode, 4)
        self.assertIn(b"conv2d_1/Relu", result.stdout)
        self.assertRegex(result.stderr.decode(), r"\Ahaya: [^\n]*Rule[^\n]*\n\Z")

    def test_parameters_that_cannot_be_used_in_place_are_named_with_the_reason(self):
        path = self.directory / "values.pb"
        one_by_one = b"".join(graphs.varint(5 << 3 | 5) + np.float32(value).tobytes() for value in (1, 2))
        path.write_bytes(graphs.placeholder("x", graphs.DT_FLOAT, [2]) +
                         graphs.node("w", "Const", dtype=graphs.type_attr(graphs.DT_FLOAT), value=graphs.bytes_field(
                             8, graphs.number_field(1, graphs.DT_FLOAT) +
                             graphs.bytes_field(2, graphs.shape_proto([2])) + one_by_one)) +
                         graphs.node("y", "Mul", ["x", "w"], T=graphs.type_attr(graphs.DT_FLOAT)))
        tensors = self.succeed_json("inspect", path)["parameters"]["tensors"]
        self.assertEqual([(tensor["name"], tensor["in_place"]) for tensor in tensors], [("w", False)])
        self.assertTrue(tensors[0]["why"])
        text = self.succeed("inspect", path)
        self.assertIn(f"not in place, 1 tensor, 8 B: {tensors[0]['why']}\n    w\n", text)


class Compare(harness.HayaTest):
    models = MODELS

    def test_one_structure_is_0_and_printed(self):
        a, b = self.shared / "a.pb", self.shared / "b.pb"
        structure = self.succeed_json("inspect", a)["structure"]
        self.assertIn(structure, self.succeed("compare", a, b))
        self.assertEqual(self.succeed_json("compare", a, b),
                         {"same": True, "structure": structure, "files": [str(a), str(b)]})

    def test_another_structure_is_5_with_the_first_difference(self):
        a, wide = self.shared / "a.pb", self.shared / "wide.pb"
        self.refuse(5, "compare", a, wide, says=("wide.pb", "conv2d/kernel"))
        result = harness.haya("compare", a, wide, "--json")
        self.assertEqual(result.returncode, 5)
        told = json.loads(result.stdout)
        self.assertEqual((told["same"], told["structure"]), (False, None))
        self.assertEqual(told["error"]["status"], "HAYA_ERROR_STRUCTURE")

    def test_an_unsupported_model_is_4(self):
        path = unsupported(self.shared / "a.pb", self.directory / "u.pb")
        self.refuse(4, "compare", path, self.shared / "a.pb", says="u.pb")


class Bench(harness.HayaTest):
    models = MODELS

    def test_json_has_the_documented_keys(self):
        paths = [str(self.shared / name) for name in ("a.pb", "b.pb", "wide.pb")]
        told = self.succeed_json("bench", *paths, "--runs", "6", "--threads", "2")
        self.assertEqual(list(told), ["threads", "structures", "plan_ms", "models", "run_ms", "switch_run_ms",
                                      "memory"])
        self.assertEqual(told["threads"], 2)
        self.assertEqual([structure["models"] for structure in told["structures"]], [2, 1])
        self.assertEqual([model["file"] for model in told["models"]], paths)
        for model in told["models"]:
            self.assertTrue(all(model[key] > 0 for key in ("open_ms", "bind_ms", "first_ms")))
        for times in (told["run_ms"], told["switch_run_ms"], told["structures"][0]["run_ms"]):
            self.assertTrue(0 < times["min"] <= times["median"] <= times["p90"])
        memory = told["memory"]
        self.assertEqual(list(memory), ["private_bytes_one", "private_bytes_all", "file_bytes_mapped",
                                        "file_bytes_resident"])
        if os.path.exists("/proc/self/smaps"):
            self.assertGreaterEqual(memory["file_bytes_mapped"], sum(map(os.path.getsize, paths)))
            self.assertGreater(memory["private_bytes_one"], 0)

    def test_a_model_takes_no_private_copy_of_its_parameters(self):
        if not os.path.exists("/proc/self/smaps"):
            self.skipTest("no /proc/self/smaps")
        paths = []
        for i in range(4):
            paths.append(self.directory / f"{i}.pb")
            result = harness.make_unet("--levels", "3", "--size", "16x16", "--seed", str(i), paths[-1])
            self.assertEqual(result.returncode, 0)
        memory = self.succeed_json("bench", *paths, "--runs", "1")["memory"]
        self.assertLess(memory["private_bytes_all"] - memory["private_bytes_one"], os.path.getsize(paths[0]) / 2)

    def test_one_model_has_nothing_to_switch_to(self):
        told = self.succeed_json("bench", self.shared / "a.pb", "--runs", "2")
        self.assertIsNone(told["switch_run_ms"])
        self.assertNotIn("switch", self.succeed("bench", self.shared / "a.pb", "--runs", "2"))

    def test_text_is_a_table(self):
        text = self.succeed("bench", self.shared / "a.pb", self.shared / "b.pb", "--runs", "3")
        for part in ("2 models", "plan", "run", "switch and run", "a.pb", "b.pb", "first run", "memory"):
            self.assertIn(part, text)

    def test_layers_json_has_the_documented_keys(self):
        path = self.shared / "wide.pb"
        plan = self.succeed_json("inspect", path, "--plan")["plan"]
        told = self.succeed_json("bench", "--layers", path, "--runs", "5", "--threads", "2")
        self.assertEqual(list(told), ["file", "structure", "threads", "peak_gflops_per_s", "steps", "run_ms", "flops",
                                      "executed_flops", "bytes", "gflops_per_s", "of_peak"])
        self.assertEqual((told["file"], told["threads"]), (str(path), 2))
        self.assertEqual([told[key] for key in ("flops", "executed_flops")],
                         [plan[key] for key in ("flops", "executed_flops")])
        self.assertEqual(len(told["steps"]), len(plan["steps"]))
        for step, planned in zip(told["steps"], plan["steps"]):
            self.assertEqual(list(step), ["node", "op", "kernel", "why", "dtype", "shape", "ms", "share", "flops",
                                          "executed_flops", "bytes", "gflops_per_s", "of_peak"])
            self.assertEqual({key: step[key] for key in planned}, planned)
            self.assertTrue(0 <= step["ms"]["min"] <= step["ms"]["median"] <= step["ms"]["p90"])
        self.assertAlmostEqual(sum(step["share"] for step in told["steps"]), 1)
        self.assertLess(sum(step["ms"]["min"] for step in told["steps"]), told["run_ms"]["p90"])

    def test_layers_rates_follow_from_times_and_the_peak(self):
        told = self.succeed_json("bench", "--layers", self.shared / "wide.pb", "--runs", "3")
        peak = told["peak_gflops_per_s"]
        self.assertGreater(peak, 0)
        for part, ms in [(told, told["run_ms"])] + [(step, step["ms"]) for step in told["steps"]]:
            ms = ms["median"]
            if ms > 0.01:  # times are rounded to 0.1 microseconds
                self.assertAlmostEqual(part["gflops_per_s"] / (part["flops"] / ms / 1e6 or 1), bool(part["flops"]), 1)
                self.assertAlmostEqual(part["of_peak"], part["executed_flops"] / ms / 1e6 / peak, 2)

    def test_layers_text_has_a_row_for_each_step_and_one_for_the_run(self):
        path = self.shared / "wide.pb"
        steps = self.succeed_json("inspect", path, "--plan")["plan"]["steps"]
        lines = self.succeed("bench", "--layers", path, "--runs", "2").splitlines()
        start = next(i for i, line in enumerate(lines) if line.split()[:1] == ["step"])
        self.assertRegex(lines[0], r"^structure [0-9a-f]{32}, \d+ threads?, median of 2 runs$")
        self.assertRegex(lines[1], r"^peak \d+\.\d GFLOP/s, ")
        self.assertEqual(len(lines[start + 1:]), len(steps) + 1)
        for i, (line, step) in enumerate(zip(lines[start + 1:], steps)):
            self.assertEqual(line.split()[:2], [str(i), step["node"]])
            for part in (step["op"], step["kernel"], " ms ", "%"):
                self.assertIn(part, line)
        self.assertRegex(lines[-1], r"^ *run .* ms +100\.0% .* GFLOP .*%$|^ *run .* ms +100\.0% .* MFLOP .*%$")

    def test_layers_are_those_of_one_model(self):
        self.refuse(2, "bench", "--layers", self.shared / "a.pb", self.shared / "b.pb",
                    says=("--layers", "a.pb", "b.pb"))
        self.refuse(2, "bench", "--layers", self.shared / "open.pb", says=("'input_1'", "--shape"))

    def test_open_sizes_need_a_shape(self):
        self.refuse(2, "bench", self.shared / "open.pb", says=("'input_1'", "--shape"))
        self.succeed("bench", self.shared / "open.pb", "--runs", "1", "--shape", "input_1=1,16,16,1")

    def test_an_unsupported_model_is_4(self):
        path = unsupported(self.shared / "a.pb", self.directory / "u.pb")
        self.refuse(4, "bench", self.shared / "a.pb", path, says="u.pb")


if __name__ == "__main__":
    unittest.main()
