# SPDX-License-Identifier: Apache-2.0
"""tools/freeze: models of all kinds are frozen, and haya's results for the frozen files are TensorFlow's.

Run by a Python that has TensorFlow; the environment variable HAYA names the command.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

import models  # first: it sets TensorFlow's environment
import keras
import numpy as np
import tensorflow as tf
from keras import layers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HAYA = os.path.abspath(os.environ["HAYA"])
BOUND = 1e-5


class FreezeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = pathlib.Path(folder.name)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def freeze(self, *arguments):
        return subprocess.run([ROOT / "tools/freeze", *map(str, arguments)], capture_output=True, text=True,
                              env={**os.environ, "FREEZE_PYTHON": sys.executable}, cwd=self.folder, check=False,
                              timeout=300)

    def succeed(self, *arguments):
        done = self.freeze(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def refuse(self, status, *arguments, says):
        """One sentence, nothing else, and nothing written."""
        before = sorted(self.folder.rglob("*"))
        done = self.freeze(*arguments)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Afreeze: [^\n]+\n\Z")
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, done.stderr)
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def run_haya(self, model, feeds, fetches):
        """Arrays by name."""
        command = [HAYA, "run", str(model)]
        for number, (name, array) in enumerate(feeds.items()):
            np.save(self.folder / f"in{number}.npy", array)
            command += ["-i", f"{name}={self.folder / f'in{number}.npy'}"]
        for number, name in enumerate(fetches):
            command += ["-o", f"{name}={self.folder / f'out{number}.npy'}"]
        subprocess.run(command, check=True)
        return {name: np.load(self.folder / f"out{number}.npy") for number, name in enumerate(fetches)}

    def expect_same(self, model, wanted, name, feeds=None):
        """haya's result for random_image(), or other feeds, is TensorFlow's, and depends on what is fed."""
        feeds = feeds or {"image": models.random_image()}
        result = self.run_haya(model, feeds, [name])[name]
        self.assertEqual(result.shape, wanted.shape)
        self.assertLess(np.max(np.abs(result - wanted)), BOUND)
        others = {key: array[::-1] for key, array in feeds.items()}
        self.assertGreater(np.max(np.abs(self.run_haya(model, others, [name])[name] - wanted)), 100 * BOUND)

    def inspect(self, model):
        done = subprocess.run([HAYA, "inspect", str(model), "--json"], capture_output=True, check=True)
        return json.loads(done.stdout)

    def ports(self, model):
        report = self.inspect(model)
        return [[port["name"] for port in report[key]] for key in ("inputs", "outputs")]


class KerasModels(FreezeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = models.unet()
        for name in ("unet.keras", "unet.h5"):
            cls.model.save(cls.shared / name)
        cls.model.export(cls.shared / "exported", verbose=False)
        cls.wanted = cls.model(models.random_image(), training=False).numpy()

    def check_unet(self, model, output):
        self.expect_same(model, self.wanted, output)
        self.assertEqual(self.ports(model), [["image"], [output]])
        self.assertEqual(self.inspect(model)["unsupported"], [])

    def test_keras_archive(self):
        says = self.succeed(self.shared / "unet.keras", "-o", "unet.pb")
        self.assertIn("checked on a random input of [2,32,32,1]", says)
        self.check_unet(self.folder / "unet.pb", "map")

    def test_h5(self):
        self.succeed(self.shared / "unet.h5", "-o", "unet.pb")
        self.check_unet(self.folder / "unet.pb", "map")

    def test_saved_model(self):
        self.succeed(self.shared / "exported", "-o", "unet.pb")
        self.check_unet(self.folder / "unet.pb", "output_0")

    def test_saved_model_by_its_file(self):
        self.succeed(self.shared / "exported" / "saved_model.pb", "-o", "unet.pb")
        self.check_unet(self.folder / "unet.pb", "output_0")

    def test_all_three_are_of_one_structure(self):
        for name in ("unet.keras", "unet.h5", "exported"):
            self.succeed(self.shared / name, "-o", name + ".pb")
        structures = {self.inspect(self.folder / (name + ".pb"))["structure"]
                      for name in ("unet.keras", "unet.h5", "exported")}
        self.assertEqual(len(structures), 1)

    def test_models_of_a_family_are_of_one_structure(self):
        for number in (1, 2):  # in one process, as a training script makes them: layers' names go on counting
            model = models.seeded(models.unet(name=f"family_{number}"), number)
            model.save(self.folder / f"class{number}.keras")
            self.succeed(f"class{number}.keras")
        done = subprocess.run([HAYA, "compare", "class1.pb", "class2.pb"], cwd=self.folder, check=False)
        self.assertEqual(done.returncode, 0)

    def test_parameters_are_called_as_in_the_model(self):
        self.succeed(self.shared / "unet.keras", "-o", "unet.pb")
        names = {tensor["name"] for tensor in self.inspect(self.folder / "unet.pb")["parameters"]["tensors"]}
        self.assertLessEqual({variable.path for variable in self.model.weights}, names)

    def test_the_same_model_gives_the_same_bytes(self):
        for name in ("a.pb", "b.pb"):
            self.succeed(self.shared / "unet.keras", "-o", name)
        self.assertEqual((self.folder / "a.pb").read_bytes(), (self.folder / "b.pb").read_bytes())

    def test_one_size(self):
        self.succeed(self.shared / "unet.keras", "-o", "one.pb", "--shape", "1,32,32,1")
        self.assertEqual(self.inspect(self.folder / "one.pb")["inputs"][0]["shape"], [1, 32, 32, 1])
        self.refuse(2, self.shared / "unet.keras", "-o", "no.pb", "--shape", "1,64,64,1", says="[?,32,32,1]")
        self.refuse(2, self.shared / "unet.keras", "-o", "no.pb", "--shape", "other=1,32,32,1", says="'other'")

    def test_any_size(self):
        model = models.unet(None)
        model.save(self.folder / "any.keras")
        self.succeed("any.keras")
        wanted = model(models.random_image(48), training=False).numpy()
        self.expect_same(self.folder / "any.pb", wanted, "map", {"image": models.random_image(48)})

    def test_h5_of_keras_2(self):
        """Recorded by record_keras2.py."""
        self.succeed(pathlib.Path(__file__).parent / "keras2.h5", "-o", "keras2.pb")
        recorded = np.load(pathlib.Path(__file__).parent / "keras2.npz")
        [[image], [name]] = self.ports(self.folder / "keras2.pb")
        self.assertEqual(image, "input_1")
        self.expect_same(self.folder / "keras2.pb", recorded["y"], name, {image: recorded["x"]})

    def test_inputs_that_nothing_depends_on(self):
        left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
        model = models.seeded(keras.Model([left, right], [layers.Dense(2, name="a")(left),
                                                          layers.Dense(2, name="b")(right)]))
        model.save(self.folder / "two.keras")
        self.assertIn("right  float32  [?,4]  left out", self.succeed("two.keras", "--outputs", "a"))
        self.assertEqual(self.ports(self.folder / "two.pb"), [["left"], ["a"]])

    def test_one_result_under_two_names(self):
        image = keras.Input((4, 4, 1), name="image")
        shared = layers.ReLU(name="relu")(image)
        keras.Model(image, {"first": shared, "second": shared, "image": image}).save(self.folder / "one.keras")
        self.succeed("one.keras")
        report = self.inspect(self.folder / "one.pb")
        self.assertEqual(len(report["outputs"]), 3)

    def test_several_inputs_and_outputs(self):
        model = models.two_outputs()
        model.save(self.folder / "two.keras")
        self.succeed("two.keras")
        self.assertEqual(self.ports(self.folder / "two.pb"), [["left", "right"], ["far", "near"]])
        rng = np.random.default_rng(5)
        feeds = {name: rng.uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32) for name in ("left", "right")}
        near, far = model([feeds["left"], feeds["right"]], training=False)
        self.expect_same(self.folder / "two.pb", near.numpy(), "near", feeds)
        self.expect_same(self.folder / "two.pb", far.numpy(), "far", feeds)

    def test_chosen_outputs(self):
        models.two_outputs().save(self.folder / "two.keras")
        self.succeed("two.keras", "--outputs", "both,near")
        self.assertEqual(self.ports(self.folder / "two.pb"), [["left", "right"], ["both", "near"]])
        self.refuse(2, "two.keras", "-o", "no.pb", "--outputs", "nowhere", says=["'nowhere'", "'near'"])

    def test_sequential(self):
        model = models.seeded(keras.Sequential([keras.Input((6,)), layers.Dense(5, activation="relu"),
                                                layers.Dense(3, activation="softmax", name="classes")]))
        model.save(self.folder / "dense.keras")
        self.succeed("dense.keras")
        x = np.random.default_rng(2).standard_normal((4, 6)).astype(np.float32)
        [[name], _] = self.ports(self.folder / "dense.pb")
        self.expect_same(self.folder / "dense.pb", model(x).numpy(), "classes", {name: x})

    def test_lambda_layers_need_leave(self):
        image = keras.Input((4, 4, 1), name="image")
        keras.Model(image, layers.Lambda(lambda x: x * 2, name="twice")(image)).save(self.folder / "lambda.keras")
        self.refuse(3, "lambda.keras", says=["Lambda", "--run-code"])
        self.succeed("lambda.keras", "--run-code")

    def test_custom_layers_are_named(self):
        class Mish(layers.Layer):
            def call(self, x):
                return x * keras.ops.tanh(keras.ops.softplus(x))

        class Twice(layers.Layer):
            def call(self, x):
                return 2 * x

        image = keras.Input((4, 4, 1), name="image")
        model = keras.Model(image, Twice()(Mish()(image)))
        for name in ("custom.keras", "custom.h5"):
            model.save(self.folder / name)
            self.refuse(3, name, says=["'Mish'", "'Twice'", "SavedModel"])

    def test_weights_alone(self):
        self.model.save_weights(self.folder / "unet.weights.h5")
        self.refuse(3, "unet.weights.h5", says="weights of a Keras model without the network")

    def test_damaged(self):
        for name in ("unet.keras", "unet.h5"):
            content = (self.shared / name).read_bytes()
            (self.folder / name).write_bytes(content[:len(content) // 2])
            self.refuse(3, name, says="damaged")

    def test_without_weights(self):
        with zipfile.ZipFile(self.shared / "unet.keras") as whole, \
                zipfile.ZipFile(self.folder / "part.keras", "w") as part:
            part.writestr("config.json", whole.read("config.json"))
            part.writestr("metadata.json", whole.read("metadata.json"))
        self.refuse(3, "part.keras", says="cannot load it")

    def test_settings_of_a_map(self):
        says = self.succeed(self.shared / "unet.keras", "-o", "unet.pb")
        document = json.loads((self.folder / "unet.json").read_text())
        self.assertEqual(document, {"haya": 1, "input": {"tensor": "image"},
                                    "classes": [{"name": "unet", "map": {"output": "map"}}]})
        self.assertIn("does not tell", says)

    def test_settings_where_the_model_scales(self):
        models.unet(rescaling=True).save(self.folder / "own.keras")
        self.succeed("own.keras")
        self.assertEqual(json.loads((self.folder / "own.json").read_text())["input"],
                         {"tensor": "image", "mean": 0, "std": 1})

    def test_settings_of_several_maps(self):
        models.two_outputs().save(self.folder / "two.keras")
        self.succeed("two.keras")
        classes = json.loads((self.folder / "two.json").read_text())["classes"]
        self.assertEqual([(entry["name"], entry["map"]) for entry in classes], [
            ("near", {"output": "near"}), ("far 1", {"output": "far", "channel": 0}),
            ("far 2", {"output": "far", "channel": 1})])

    def test_settings_that_are_there_stay(self):
        (self.folder / "unet.json").write_text("mine")
        self.assertIn("stays as it is", self.succeed(self.shared / "unet.keras", "-o", "unet.pb"))
        self.assertEqual((self.folder / "unet.json").read_text(), "mine")

    def test_files_that_are_there_stay(self):
        self.model.save(self.folder / "unet.keras")
        (self.folder / "unet.pb").write_text("mine")
        self.refuse(2, "unet.keras", says="unet.pb: is there already; -o unet.pb writes over it")
        self.succeed("unet.keras", "-o", "unet.pb")
        self.refuse(2, "unet.keras", "-o", "unet.keras", says="is the model itself")
        self.refuse(2, "unet.keras", "-o", "nowhere/unet.pb", says="no folder")


class SavedModels(FreezeTest):
    def save(self, **signatures):
        scaler = models.Scaler()
        tf.saved_model.save(scaler, str(self.folder / "saved"),
                            {name: getattr(scaler, function) for name, function in signatures.items()})

    def test_signatures(self):
        self.save(scale="scale", shift="shift")
        self.refuse(2, "saved", says=["several signatures", "'scale', 'shift'"])
        self.refuse(2, "saved", "--signature", "other", says=["no signature 'other'", "'scale', 'shift'"])
        self.succeed("saved", "--signature", "shift")
        x = np.array([[1, 2], [5, 6]], np.float32)
        self.expect_same(self.folder / "saved.pb", x + [2, 3], "shifted", {"x": x})

    def test_the_default_signature(self):
        self.save(serving_default="scale", shift="shift")
        self.succeed("saved")
        self.assertEqual(self.ports(self.folder / "saved.pb"), [["x"], ["scaled"]])

    def test_of_tensorflow_1(self):
        wanted = models.tf1_saved_model(self.folder / "saved")
        self.succeed("saved")
        self.expect_same(self.folder / "saved.pb", wanted, "map")

    def test_without_signatures(self):
        self.save()
        self.refuse(3, "saved", says="has no signatures")

    def test_open_ranks(self):
        self.save(serving_default="any_rank")
        self.refuse(2, "saved", says=["rank of input 'x'", "--shape"])
        self.succeed("saved", "--shape", "x=?,2")
        x = np.array([[1, 2], [5, 6]], np.float32)
        self.expect_same(self.folder / "saved.pb", x * [2, 3], "scaled", {"x": x})

    def test_strings(self):
        self.save(serving_default="examples")
        self.refuse(3, "saved", says=["strings", "'examples'"])

    def test_results_that_are_random(self):
        self.save(serving_default="noisy")
        done = self.freeze("saved")
        self.assertEqual(done.returncode, 1)
        self.assertIn("output 'noisy' of the frozen graph differs", done.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["saved"])

    def test_missing_variables(self):
        self.save(serving_default="scale")
        (self.folder / "saved/variables/variables.data-00000-of-00001").unlink()
        self.refuse(3, "saved", says="variables")

    def test_damaged(self):
        self.save(serving_default="scale")
        path = self.folder / "saved/saved_model.pb"
        path.write_bytes(path.read_bytes()[:-100])
        self.refuse(3, "saved", says="cannot be read")


class TensorFlow1Graphs(FreezeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wanted = models.tf1_unet(cls.shared, resource=False)

    OUTPUT = ["--outputs", "output/Sigmoid"]

    def check(self, wanted=None):
        self.expect_same(self.folder / "out.pb", self.wanted if wanted is None else wanted, "output/Sigmoid")
        self.assertEqual(self.ports(self.folder / "out.pb"), [["image"], ["output/Sigmoid"]])

    def test_meta_graph(self):
        self.succeed(self.shared / "model.ckpt-7.meta", *self.OUTPUT, "-o", "out.pb")
        self.check()

    def test_binary_graph_and_the_latest_checkpoint(self):
        self.succeed(self.shared / "graph.pb", *self.OUTPUT, "-o", "out.pb")
        self.check()

    def test_text_graph_and_a_checkpoint(self):
        self.succeed(self.shared / "graph.pbtxt", *self.OUTPUT, "-o", "out.pb", "--checkpoint",
                     self.shared / "model.ckpt-7")
        self.check()

    def test_folder_and_parts_of_a_checkpoint(self):
        for model in ("", "checkpoint", "model.ckpt-7", "model.ckpt-7.index", "model.ckpt-7.data-00000-of-00001"):
            with self.subTest(model):
                self.succeed(self.shared / model, *self.OUTPUT, "-o", "out.pb")
                self.check()

    def test_resource_variables(self):
        wanted = models.tf1_unet(self.folder, resource=True)
        self.succeed("model.ckpt-7.meta", *self.OUTPUT, "-o", "out.pb")
        self.check(wanted)

    def test_variables_that_are_saved_under_other_names(self):
        wanted = models.tf1_unet(self.folder, resource=True, saved_names={
            "last/bias": "down1/bias/ExponentialMovingAverage", "down1/kernel": "first"})
        self.succeed("model.ckpt-7.meta", *self.OUTPUT, "-o", "out.pb")
        self.check(wanted)

    def test_learning_phases_left_open(self):
        for resource in (False, True):
            with self.subTest(resource=resource):
                wanted = models.tf1_learning_phase(self.folder, resource)
                self.succeed("phase.ckpt.meta", "--outputs", "map", "-o", "phase.pb")
                self.expect_same(self.folder / "phase.pb", wanted, "map")

    def test_inputs_within_the_graph(self):
        self.succeed(self.shared / "graph.pb", *self.OUTPUT, "-o", "out.pb", "--inputs", "down1/Relu,MaxPool2d")
        self.assertEqual(self.ports(self.folder / "out.pb")[0], ["MaxPool2d", "down1/Relu"])

    def test_outputs_that_nothing_tells(self):
        self.refuse(2, self.shared / "model.ckpt-7.meta", "-o", "out.pb", says=["--outputs", "'output/Sigmoid'"])
        self.refuse(2, self.shared / "graph.pb", "-o", "out.pb", "--outputs", "nowhere", says="no node 'nowhere'")

    def test_text_without_variables_becomes_binary(self):
        self.succeed(self.shared / "graph.pb", *self.OUTPUT, "-o", "frozen.pb")
        graph = tf.compat.v1.GraphDef.FromString((self.folder / "frozen.pb").read_bytes())
        tf.io.write_graph(graph, str(self.folder), "frozen.pbtxt")
        self.succeed("frozen.pbtxt", "-o", "out.pb")
        self.check()
        self.refuse(3, "frozen.pb", "-o", "again.pb", says="frozen already")

    def copy(self, *left_out):
        for path in self.shared.iterdir():
            if path.name not in left_out:
                (self.folder / path.name).write_bytes(path.read_bytes())

    def test_missing_parts(self):
        self.copy("model.ckpt-7.data-00000-of-00001", "checkpoint")
        self.refuse(3, "model.ckpt-7.meta", *self.OUTPUT, says="data is missing")
        (self.folder / "model.ckpt-7.data-00000-of-00002").touch()
        self.refuse(3, "model.ckpt-7.meta", *self.OUTPUT, says="model.ckpt-7.data-00001-of-00002 is missing")
        (self.folder / "model.ckpt-7.index").unlink()
        self.refuse(3, "model.ckpt-7.meta", *self.OUTPUT, says="model.ckpt-7.index is missing")
        self.refuse(2, "graph.pb", *self.OUTPUT, "-o", "out.pb", says="no checkpoint beside it")
        (self.folder / "lonely.index").write_bytes((self.shared / "model.ckpt-7.index").read_bytes())
        for name in ("model.ckpt-7.meta", "graph.pb", "graph.pbtxt"):
            (self.folder / name).unlink()
        self.refuse(3, "lonely.index", says="checkpoint without its graph")

    def test_checkpoints_of_others(self):
        variable = tf.Variable([1.0])
        tf.train.Checkpoint(v=variable).write(str(self.folder / "objects"))
        self.refuse(3, self.shared / "graph.pb", *self.OUTPUT, "-o", "out.pb", "--checkpoint", "objects",
                    says=["does not have the variables 'down1/", "TensorFlow 2"])

    def test_damaged(self):
        self.copy()
        path = self.folder / "model.ckpt-7.data-00000-of-00001"
        path.write_bytes(path.read_bytes()[:100])
        self.refuse(3, "model.ckpt-7.meta", *self.OUTPUT, says="model.ckpt-7: ")
        path = self.folder / "graph.pb"
        path.write_bytes(path.read_bytes()[:-50])
        self.refuse(3, "graph.pb", *self.OUTPUT, "-o", "out.pb", says="damaged graph")


class OtherFiles(FreezeTest):
    def test_usage(self):
        done = self.freeze()
        self.assertEqual(done.returncode, 2)
        done = self.freeze("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("SavedModel", done.stdout)
        self.refuse(3, "nowhere.keras", says="no such file")
        (self.folder / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + 100 * b"\0")
        self.refuse(2, "x.h5", "--signature", "s", says="--signature is for SavedModels")
        self.refuse(3, "x.h5", says="damaged")

    def test_what_is_no_model(self):
        onnx = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x0c\x12\nmain_graphB\x02\x10\x11"
        for content, says in (
                (onnx, "an ONNX model, which haya does not read yet"),
                (b"\x1c\0\0\0TFL3\0\0\0\0", "TensorFlow Lite"),
                (b"", "is empty"),
                (b"hello, world", "not a model of Keras or TensorFlow"),
                (b"\x80\x02\x8a\x0a", "pickle"),
                (b"PK\x03\x04", "damaged zip")):
            (self.folder / "file").write_bytes(content)
            self.refuse(3, "file", says=says)
        (self.folder / "folder").mkdir()
        self.refuse(3, "folder", says="without saved_model.pb or a checkpoint")
        with zipfile.ZipFile(self.folder / "torch.zip", "w") as archive:
            archive.writestr("archive/data.pkl", b"")
        self.refuse(3, "torch.zip", says="PyTorch")

    def test_other_pythons(self):
        (self.folder / "x.keras").write_bytes(b"\x89HDF\r\n\x1a\n")
        environment = {**os.environ, "FREEZE_PYTHON": "/nowhere/python"}
        done = subprocess.run([ROOT / "tools/freeze", "x.keras"], cwd=self.folder, env=environment, check=False,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "freeze: FREEZE_PYTHON: /nowhere/python cannot be run\n"))


if __name__ == "__main__":
    unittest.main()
