# SPDX-License-Identifier: Apache-2.0
"""The U-Nets that make_unet writes."""

import hashlib
import unittest

import harness
import numpy as np


class Files(harness.HayaTest):
    def make(self, name, *arguments):
        path = self.directory / name
        result = harness.make_unet(*arguments, path)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return path

    def refuse(self, status, *arguments, says):
        result = harness.make_unet(*arguments)
        self.assertEqual((result.returncode, result.stdout), (status, b""))
        self.assertIn(says, result.stderr.decode())

    def inspect(self, path):
        return self.succeed_json("inspect", path)

    def test_default_is_the_u_net_of_23_convolutions_and_138_megabytes(self):
        told = self.inspect(self.make("a.pb"))
        self.assertEqual(told["operations"]["Conv2D"], 23)
        self.assertEqual(told["parameters"]["count"], 34512193)
        self.assertEqual(told["parameters"]["in_place_bytes"], told["parameters"]["bytes"])
        self.assertEqual(told["inputs"], [{"name": "input_1", "dtype": "float32", "shape": [None, 256, 256, 1]}])
        self.assertEqual(told["outputs"],
                         [{"name": "output/Sigmoid", "dtype": "float32", "shape": [None, 256, 256, 1]}])

    def test_same_options_give_the_same_file(self):
        small = ["--width", "4", "--levels", "2", "--size", "16x16"]
        one = self.make("a.pb", *small).read_bytes()
        self.assertEqual(one, self.make("b.pb", *small).read_bytes())
        self.assertNotEqual(one, self.make("c.pb", *small, "--seed", "2").read_bytes())

    def test_the_file_is_the_recorded_one_on_every_machine(self):
        path = self.make("a.pb", "--width", "4", "--levels", "3", "--size", "32x32", "--batch-norm", "--upsample",
                         "transpose", "--seed", "5")
        self.assertEqual(hashlib.sha256(path.read_bytes()).hexdigest(),
                         "7701d98046fbded6930e7d6f600c392271b1e04e00f0963f75058e6553c5ef19")

    def test_seed_names_and_node_order_leave_the_structure_as_it_is(self):
        small = ["--width", "4", "--levels", "3", "--size", "32x32"]
        plain = self.inspect(self.make("a.pb", *small))["structure"]
        for option in (["--seed", "7"], ["--first-name", "24"], ["--shuffle"],
                       ["--seed", "7", "--first-name", "3", "--shuffle"]):
            self.assertEqual(self.inspect(self.make("b.pb", *small, *option))["structure"], plain, option)

    def test_every_other_option_changes_the_structure(self):
        small = {"--width": "4", "--levels": "3", "--size": "32x32", "--batch": "open", "--upsample": "nearest3"}
        seen = {self.inspect(self.make("a.pb", *sum(small.items(), ())))["structure"]}
        for change in ({"--width": "8"}, {"--levels": "2"}, {"--size": "64x32"}, {"--size": "open"},
                       {"--channels": "3"}, {"--outputs": "2"}, {"--batch": "1"}, {"--upsample": "nearest2"},
                       {"--upsample": "bilinear"}, {"--upsample": "transpose"}):
            path = self.make("b.pb", *sum({**small, **change}.items(), ()))
            seen.add(self.inspect(path)["structure"])
        seen.add(self.inspect(self.make("b.pb", *sum(small.items(), ()), "--batch-norm"))["structure"])
        self.assertEqual(len(seen), 12)

    def test_probabilities_are_well_spread(self):
        image = np.random.default_rng(0).random((64, 64, 1), np.float32)
        np.save(self.directory / "x.npy", image)
        for upsample in ("nearest3", "nearest2", "bilinear", "transpose"):
            path = self.make("a.pb", "--width", "16", "--levels", "3", "--size", "64x64", "--upsample", upsample)
            output = self.succeed_json("run", path, "-i", self.directory / "x.npy")["outputs"][0]
            self.assertGreater(output["max"] - output["min"], 0.1, upsample)
            self.assertTrue(0.001 < output["min"] and output["max"] < 0.999, upsample)

    def test_fixed_and_open_sizes_compute_the_same(self):
        np.save(self.directory / "x.npy", np.random.default_rng(0).random((1, 32, 48, 2), np.float32))
        for upsample in ("nearest3", "nearest2", "bilinear", "transpose"):
            results = []
            for size, batch in (("32x48", "1"), ("open", "open")):
                path = self.make("a.pb", "--width", "4", "--levels", "3", "--size", size, "--batch", batch,
                                 "--channels", "2", "--upsample", upsample, "--batch-norm")
                self.succeed("run", path, "-i", self.directory / "x.npy", "-o", self.directory / "y.npy")
                results.append(np.load(self.directory / "y.npy"))
            np.testing.assert_array_equal(results[0], results[1])

    def test_nonsense_is_refused(self):
        out = self.directory / "a.pb"
        self.refuse(2, says="usage")
        self.refuse(2, "--levels", "9", out, says="'--levels 9'")
        self.refuse(2, "--size", "100x100", out, says="divisible by 16")
        self.refuse(2, "--size", "64", out, says="'--size 64'")
        self.refuse(2, "--batch", "2", out, says="'--batch 2'")
        self.refuse(2, "--upsample", "cubic", out, says="'--upsample cubic'")
        self.refuse(2, "--nosuch", out, says="'--nosuch")
        self.refuse(2, "a.pb", "b.pb", says="not both")
        self.refuse(1, "--levels", "1", self.directory / "nosuch" / "a.pb", says="No such file")
        self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
