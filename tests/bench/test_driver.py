# SPDX-License-Identifier: Apache-2.0
"""haya's driver in the comparison, its protocol, and how its process is measured. The programs are named by the
environment: HAYA, MAKE_UNET and HAYA_DRIVER."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from bench import formats, measure, networks, peers  # noqa: E402


class LocalPeer(peers.Peer):
    """haya's, with the driver that the environment names."""

    def command(self, build):
        return [os.environ["HAYA_DRIVER"]]


NETWORK = networks.Network("small", "a small U-Net", 2, (32, 32, 1), networks.u_net(4, levels=3))
HAYA = LocalPeer("haya", "haya", "pb", "haya")


class DriverTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.folder = pathlib.Path(directory.name)
        (cls.folder / "bench").mkdir()
        for number in range(3):
            subprocess.run([os.environ["MAKE_UNET"], "--width", "4", "--levels", "3", "--size", "32x32", "--seed",
                            str(number), "--first-name", str(9 * number), cls.folder / f"{number}.pb"], check=True,
                           stdout=subprocess.DEVNULL)
        cls.inputs = np.random.default_rng(0).random(NETWORK.input_shape, np.float32)
        cls.inputs.tofile(cls.folder / "x.nhwc")
        np.save(cls.folder / "x.npy", cls.inputs)

    def driver(self, threads=2):
        driver = measure.Driver(HAYA, threads, self.folder, NETWORK, self.folder)
        self.addCleanup(driver.close)
        return driver

    def expected(self, number):
        target = self.folder / "y.npy"
        subprocess.run([os.environ["HAYA"], "run", self.folder / f"{number}.pb", "-i", self.folder / "x.npy", "-o",
                        target], check=True, stdout=subprocess.DEVNULL)
        return np.load(target)


class Protocol(DriverTest):
    def test_it_says_who_it_is(self):
        self.assertEqual(set(self.driver().about), {"version", "settings"})

    def test_each_model_computes_what_the_command_computes(self):
        driver = self.driver()
        for number in range(3):
            answer = driver.load(number)
            self.assertTrue(answer["create_ms"] > 0 and answer["first_ms"] > 0)
        for number in (2, 0, 1):
            times = driver.run([0, number])
            self.assertTrue(len(times) == 2 and min(times) > 0)
            np.testing.assert_array_equal(driver.output(NETWORK), self.expected(number))

    def test_a_failed_command_is_answered_and_the_next_one_obeyed(self):
        driver = self.driver()
        for command, says in ((f"load {self.folder}/none.pb", "none.pb"), ("run 0", "there is no model 0"),
                              ("dance", "'dance' is no command"), ("unload", "'unload' is no command"),
                              (f"load {self.folder}/x.npy", "x.npy"), ("throughput 1 1 1", "models that are loaded")):
            with self.assertRaisesRegex(measure.PeerFailure, says):
                driver.ask(command)
        driver.load(0)
        self.assertEqual(len(driver.run([0])), 1)

    def test_a_process_that_ended_is_told_with_its_end(self):
        driver = self.driver()
        driver.process.kill()
        with self.assertRaisesRegex(measure.PeerFailure, "signal 9"):
            driver.ask("run 0")

    def test_a_program_that_is_not_there_is_told(self):
        class Nobody(peers.Peer):
            def command(self, build):
                return ["/nonexistent/driver"]

        with self.assertRaisesRegex(measure.PeerFailure, "cannot be started: .*/nonexistent/driver"):
            measure.Driver(Nobody("x", "x", "pb", "x"), 1, self.folder, NETWORK, self.folder)

    def test_unloaded_models_are_gone_and_others_stay(self):
        driver = self.driver()
        driver.load(0)
        driver.load(1)
        driver.ask("unload")
        self.assertEqual(len(driver.run([0])), 1)
        with self.assertRaises(measure.PeerFailure):
            driver.run([1])


class OwnCommands(DriverTest):
    def test_stages_are_timed(self):
        answer = self.driver().ask(f"stages {self.folder}/0.pb")
        self.assertEqual(set(answer), {"open_ms", "program_ms", "bind_ms", "plan_ms", "session_ms"})
        self.assertGreater(min(answer.values()), 0)

    def test_prepared_models_compute_the_same(self):
        driver = self.driver()
        driver.ask("prepare")
        driver.load(1)
        np.testing.assert_array_equal(driver.output(NETWORK), self.expected(1))

    def test_models_are_bound_without_being_run(self):
        driver = self.driver()
        driver.load(0)
        self.assertEqual(set(driver.ask(f"bind {self.folder}/1.pb")), {"open_ms", "bind_ms"})

    def test_callers_run_side_by_side(self):
        driver = self.driver()
        driver.load(0)
        driver.load(1)
        for ways in ("1 2", "2 1"):
            answer = driver.ask(f"throughput {ways} 50")
            self.assertGreaterEqual(answer["runs"], int(ways[0]))
            self.assertGreaterEqual(answer["wall_ms"], 50)


class Measuring(DriverTest):
    def test_a_whole_cell_is_measured(self):
        class Options:
            rounds, models, seconds, restart, quick = 2, 2, 0.05, False, False

        for number in range(2):
            np.save(self.folder / f"{number}.npy", self.expected(number))
        said = []
        cell = measure.Cell(NETWORK, 2, self.folder, self.folder, Options, said.append)
        cell.measure([HAYA])
        self.assertEqual(cell.failures, {})
        quantities = {}
        for record in cell.records:
            quantities.setdefault(record["quantity"], []).append(record["value"])
        self.assertEqual(quantities["difference"], [0, 0])
        self.assertGreaterEqual(len(quantities["run_ms"]), 4)
        self.assertEqual(len(quantities["run_ms"]), len(quantities["switch_difference_ms"]))
        self.assertEqual(len(quantities["create_further_model_ms"]), 1)
        self.assertGreater(quantities["memory_one_private_bytes"][0], quantities["memory_empty_private_bytes"][0])

    def test_outputs_of_another_network_are_no_result(self):
        class Options:
            rounds, models, seconds, restart, quick = 1, 1, 0.05, False, True

        np.save(self.folder / "0.npy", self.expected(0) + 0.1)
        cell = measure.Cell(NETWORK, 1, self.folder, self.folder, Options, lambda text: None)
        cell.measure([HAYA])
        self.assertIn("differ from TensorFlow's by 1.0e-01", cell.failures["haya"])

    def test_no_process_stays_where_measuring_is_interrupted(self):
        class Options:
            rounds, models, seconds, restart, quick = 1, 1, 0, False, True

        def interrupt(text):
            raise KeyboardInterrupt

        np.save(self.folder / "0.npy", self.expected(0))
        cell = measure.Cell(NETWORK, 1, self.folder, self.folder, Options, interrupt)
        with self.assertRaises(KeyboardInterrupt):
            cell.measure([HAYA])
        self.assertEqual([driver.process.poll() for driver in cell.drivers.values()], [-signal.SIGKILL])

    def test_memory_is_that_of_the_process(self):
        before = measure.memory(os.getpid())
        kept = bytearray(os.urandom(1 << 20)) * 32
        grown = measure.memory(os.getpid())["private"] - before["private"]
        self.assertTrue(0.9 * len(kept) < grown < 2 * len(kept), grown)

    def test_touched_memory_is_given_back(self):
        before = measure.memory(os.getpid())["private"]
        measure.touch_memory(64 << 20)
        self.assertLess(measure.memory(os.getpid())["private"] - before, 8 << 20)

    def test_a_file_is_taken_out_of_the_cache(self):
        with tempfile.NamedTemporaryFile(dir=os.environ.get("BENCH_TEST_FOLDER", "."), delete=False) as file:
            self.addCleanup(os.unlink, file.name)
            file.write(os.urandom(1 << 20))
        self.assertGreater(measure.resident_part(file.name), 0.99)
        if not measure.drop_from_cache(file.name):
            self.skipTest("files of this file system stay in memory")
        self.assertEqual(measure.resident_part(file.name), 0)


class Formats(unittest.TestCase):
    def padding(self, kind, size, stride):
        network = networks.Network("n", "n", 1, (8, 8, 2), lambda n: getattr(n, kind)(
            n.input, 3, size=size, **({"stride": stride} if kind == "conv" else {})))
        return formats.paddings(network.output)

    def test_same_padding_is_tensorflows(self):
        for size, stride, expected in ((3, 1, (1, 1)), (1, 1, (0, 0)), (2, 1, (0, 1)), (3, 2, (0, 1)), (4, 2, (1, 1))):
            self.assertEqual(self.padding("conv", size, stride), expected, (size, stride))
        for size, expected in ((3, (0, 1)), (4, (1, 1)), (2, (0, 0))):
            self.assertEqual(self.padding("transpose", size, 2), expected, size)

    def test_dense_layers_between_images_compute_the_same_in_channel_order(self):
        def build(network):
            x = network.dense(network.dense(network.input, 5), 24)
            return network.reshape(x, (2, 3, 4))

        network = networks.Network("n", "n", 1, (2, 3, 2), build)
        parameters = formats.random_parameters(network, 1)
        image = np.random.default_rng(2).random((1, 2, 3, 2), np.float32)
        vector = image.reshape(-1)
        for kernel, bias in parameters.values():
            vector = vector @ kernel + bias
        other = formats.to_nchw(image).reshape(-1)
        for kernel, bias in formats.nchw_parameters(network, parameters).values():
            other = kernel @ other + bias
        np.testing.assert_allclose(formats.to_nhwc(other.reshape(1, 4, 2, 3)), vector.reshape(1, 2, 3, 4), rtol=1e-5)

    def test_u_nets_have_the_parameters_of_make_unet(self):
        for network in networks.all_networks():
            if network.name == "unet64":
                self.assertEqual(network.parameter_count, 34512193)

    def test_ncnn_files_name_each_reader_of_a_skip(self):
        network = networks.Network("n", "n", 1, (8, 8, 1), networks.u_net(2, levels=2))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "n.param"
            formats.write_ncnn(network, formats.random_parameters(network, 1), path)
            lines = path.read_text().splitlines()
            size = path.with_suffix(".bin").stat().st_size
        self.assertEqual(lines[0], "7767517")
        layers, blobs = map(int, lines[1].split())
        self.assertEqual(layers, len(lines) - 2)
        made, read = [], []
        for line in lines[2:]:
            words = line.split()
            inputs, outputs = int(words[2]), int(words[3])
            read += words[4:4 + inputs]
            made += words[4 + inputs:4 + inputs + outputs]
        self.assertEqual(len(made), blobs)
        self.assertEqual(len(set(made)), len(made))
        self.assertEqual(sorted(set(made) - set(read)), [network.output.name])
        self.assertEqual(len(read), len(set(read)))
        weighted = sum(layer.has_parameters for layer in network.layers)
        self.assertEqual(size, 4 * (network.parameter_count + weighted))


if __name__ == "__main__":
    unittest.main()
