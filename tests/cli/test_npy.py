# SPDX-License-Identifier: Apache-2.0
"""The .npy files that `haya run` reads and writes, compared with numpy's."""

import os
import struct
import threading
import unittest

import graphs
import harness
import numpy as np

TYPES = {
    "bool": graphs.DT_BOOL, "int8": graphs.DT_INT8, "int16": graphs.DT_INT16, "int32": graphs.DT_INT32,
    "int64": graphs.DT_INT64, "uint8": graphs.DT_UINT8, "uint16": graphs.DT_UINT16, "uint32": graphs.DT_UINT32,
    "uint64": graphs.DT_UINT64, "float16": graphs.DT_HALF, "float32": graphs.DT_FLOAT,
    "float64": graphs.DT_DOUBLE, "bfloat16": graphs.DT_BFLOAT16,
}


def npy(header, data=b"", version=(1, 0), size=None):
    """A file with that header, whatever it says."""
    header = header.encode("latin1") if isinstance(header, str) else header
    length = struct.pack("<H" if version[0] == 1 else "<I", len(header) if size is None else size)
    return b"\x93NUMPY" + bytes(version) + length + header + data


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n"
DATA = np.arange(3, dtype="<f4").tobytes()


class Npy(harness.HayaTest):
    def setUp(self):
        super().setUp()
        self.x, self.y = self.directory / "x.npy", self.directory / "y.npy"

    def model(self, dtype, dims=(-1,)):
        """A model that gives back what it is given."""
        path = self.directory / f"{dtype}.pb"
        path.write_bytes(graphs.placeholder("x", TYPES[dtype], dims) + graphs.identity("y", "x", TYPES[dtype]))
        return path

    def through(self, array, dtype, dims=(-1,)):
        np.save(self.x, array)
        return self.file_through(dtype, dims)

    def file_through(self, dtype, dims=(-1,)):
        self.succeed("run", self.model(dtype, dims), "-i", self.x, "-o", self.y)
        return np.load(self.y)

    def refuse_file(self, content, says, dtype="float32", status=6):
        self.x.write_bytes(content)
        return self.refuse(status, "run", self.model(dtype), "-i", self.x, says=[str(self.x), says])


class Types(Npy):
    def test_each_type_comes_back_as_it_went(self):
        for dtype in sorted(set(TYPES) - {"bfloat16"}):
            array = np.array([0, 1, 1, 0, 1], dtype)
            if dtype != "bool":
                info = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
                array = np.array([info.min, info.max, 0, 1, 100], dtype)
            result = self.through(array, dtype)
            self.assertEqual(result.dtype, array.dtype)
            np.testing.assert_array_equal(result, array)

    def test_big_endian_files_are_read(self):
        for dtype in ("int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "float32", "float64"):
            array = np.array([1, 2, 1000], dtype)
            np.testing.assert_array_equal(self.through(array.astype(array.dtype.newbyteorder(">")), dtype), array)

    def test_every_type_becomes_float32_as_in_numpy(self):
        random = np.random.default_rng(1)
        for dtype in sorted(set(TYPES) - {"bfloat16"}):
            if dtype.startswith("float"):
                array = (random.standard_normal(1000) * 1e-5).astype(dtype)
                array = np.concatenate([array, np.array([np.nan, np.inf, -np.inf, -0.0, 0], dtype)])
            elif dtype == "bool":
                array = random.integers(0, 2, 1000).astype(bool)
            else:
                array = np.frombuffer(random.bytes(8000), dtype)
            np.testing.assert_array_equal(self.through(array, "float32"), array.astype(np.float32))

    def test_halves_round_as_in_numpy(self):
        every = np.arange(65536, dtype=np.uint16).view(np.float16)
        every = every[np.isfinite(every)]
        single = every.astype(np.float64)
        between = np.concatenate([single, (single[:-1] + single[1:]) / 2, single * 1.0001, single * 1.000001,
                                  [1e300, -1e300, 1e-300, 65519.999, 65520, 2.0**-25, 2.0**-25 * 1.0001]])
        with np.errstate(over="ignore"):
            expected = between.astype(np.float16)
        np.testing.assert_array_equal(self.through(between, "float16").view(np.uint16), expected.view(np.uint16))
        np.testing.assert_array_equal(self.through(every, "float64"), single)

    def test_bfloat16_rounds_to_even_and_is_written_as_float32(self):
        array = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -3.3895314e38, 3.4e38, 1e-40, np.nan],
                         np.float32)
        result = self.through(array, "bfloat16")
        self.assertEqual(result.dtype, np.float32)
        np.testing.assert_array_equal(
            result, np.array([1, 1, 1 + 2**-6, 1 + 2**-7, -3.3895314e38, np.inf, 2**-133, np.nan], np.float32))

    def test_whole_numbers_in_range_become_integers(self):
        for dtype in ("int8", "int16", "int32", "int64"):
            info = np.iinfo(dtype)
            array = np.array([-3, -0.0, 7, 100])
            np.testing.assert_array_equal(self.through(array, dtype), array.astype(dtype))
            np.testing.assert_array_equal(self.through(np.array([info.min, info.max]), dtype), [info.min, info.max])
        np.testing.assert_array_equal(self.through(np.array([255.0, 0.0]), "uint8"), [255, 0])
        np.testing.assert_array_equal(self.through(np.array([2**64 - 1], np.uint64), "uint64"),
                                      np.array([2**64 - 1], np.uint64))
        np.testing.assert_array_equal(self.through(np.array([-2.0**63]), "int64"), [-2**63])
        np.testing.assert_array_equal(self.through(np.array([0, 1, 1.0]), "bool"), [False, True, True])

    def test_numbers_that_the_type_cannot_hold_are_refused(self):
        for array, dtype, says in (([0, 0.5], "int32", "element 1 is 0.5"), ([np.nan], "int8", "element 0 is nan"),
                                   ([np.inf], "uint64", "is inf"), ([128], "int8", "is 128"),
                                   ([-129], "int8", "is -129"), ([-1], "uint8", "is -1"), ([256], "uint8", "256"),
                                   ([2.0**63], "int64", "9.22337204e+18"), ([2.0**64], "uint64", "1.84467441e+19"),
                                   ([2], "bool", "is 2")):
            np.save(self.x, np.array(array))
            sentence = self.refuse(6, "run", self.model(dtype), "-i", self.x, says=[says, "'x'", dtype])
            self.assertIn(str(self.x), sentence)

    def test_types_that_are_no_numbers_are_refused_by_name(self):
        for array in (np.array([1j]), np.array(["a"]), np.array([b"a"]), np.array(["2020"], "M8[s]"),
                      np.array([1], "m8[s]"), np.array([1], np.longdouble), np.zeros(1, "V2")):
            np.save(self.x, array)
            self.refuse(6, "run", self.model("float32"), "-i", self.x, says=[str(self.x), array.dtype.str])
        np.save(self.x, np.array([{}]), allow_pickle=True)
        self.refuse(6, "run", self.model("float32"), "-i", self.x, says=[str(self.x), "'|O'"])
        np.save(self.x, np.zeros(2, [("a", "f4"), ("b", "f4")]))
        self.refuse(6, "run", self.model("float32"), "-i", self.x, says=[str(self.x), "records"])

    def test_fortran_order_is_refused(self):
        np.save(self.x, np.asfortranarray(np.ones((2, 3), np.float32)))
        self.refuse(6, "run", self.model("float32"), "-i", self.x, says=[str(self.x), "Fortran order"])


class Shapes(Npy):
    def test_shapes_of_each_rank_come_back(self):
        for shape in ((1,), (2, 3), (2, 1, 3), (1, 2, 3, 4, 1), (1, 2, 1, 2, 1, 2, 1, 2)):
            array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
            result = self.through(array, "float32", [-1] * len(shape))
            np.testing.assert_array_equal(result, array)

    def test_written_files_are_as_numpy_writes_them(self):
        for shape in ((3,), (2, 3), (1, 1, 1, 1, 1, 1, 1, 2)):
            array = np.ones(shape, np.float32)
            self.through(array, "float32", [-1] * len(shape))
            self.assertEqual(self.y.read_bytes(), self.x.read_bytes())

    def test_more_than_8_dimensions_are_refused(self):
        np.save(self.x, np.zeros([1] * 9, np.float32))
        self.refuse(6, "run", self.model("float32"), "-i", self.x, says="more than 8 dimensions")


class Headers(Npy):
    def accept(self, content):
        self.x.write_bytes(content)
        np.testing.assert_array_equal(self.file_through("float32"), [0, 1, 2])

    def test_versions_1_2_and_3_are_read(self):
        for version in ((1, 0), (2, 0), (3, 0)):
            self.accept(npy(HEADER, DATA, version))
            with open(self.x, "wb") as file:
                np.lib.format.write_array(file, np.arange(3, dtype="<f4"), version)
            np.testing.assert_array_equal(self.file_through("float32"), [0, 1, 2])

    def test_headers_that_numpy_reads_are_read(self):
        for header in ("{'shape':(3,),'fortran_order':False,'descr':'<f4'}",
                       '{"descr": "<f4", "fortran_order": False, "shape": (3,)}',
                       "{ 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 3 , ) , }   \n",
                       "{'descr': '<f4', 'fortran_order': False, 'shape': (3L,), }"):
            self.accept(npy(header, DATA))

    def test_other_versions_are_refused(self):
        for version in ((0, 0), (1, 1), (4, 0), (255, 255)):
            self.refuse_file(npy(HEADER, DATA, version), "%d.%d" % version)

    def test_damaged_headers_are_refused(self):
        for header in ("", "{", "{}", "{'descr': '<f4'}", HEADER * 2, HEADER.replace("}", ""),
                       HEADER.replace("False", "Maybe"), HEADER.replace("'shape'", "'form'"),
                       HEADER.replace("(3,)", "(3"), HEADER.replace("(3,)", "3"), HEADER.replace("(3,)", "(,)"),
                       HEADER.replace("(3,)", "(-3,)"), HEADER.replace("(3,)", "(3.0,)"),
                       HEADER.replace("(3,)", "(99999999999999999999,)"), HEADER.replace("'<f4'", "'<f4"),
                       HEADER.replace("'<f4'", "f4"), HEADER.replace("'<f4'", "'" + 100 * "x" + "'"),
                       HEADER.replace("}", "'shape': (3,)}"), HEADER.replace("}", "'other': 1}"),
                       HEADER.replace("descr", "des\\x63r"), "\0" * 100):
            with self.subTest(header):
                self.refuse_file(npy(header, DATA), "damaged")

    def test_types_that_numpy_would_not_write_are_refused(self):
        for descr in ("", "f", "f4", "<f3", "<i16", "|f4", "?f4", "<f44", "\x1b4", "%s%n"):
            self.refuse_file(npy(HEADER.replace("<f4", descr), DATA), "its type")

    def test_impossible_shapes_are_refused_without_taking_memory(self):
        self.refuse_file(npy(HEADER.replace("(3,)", f"({2**62}, {2**62})"), DATA), "impossibly large")
        self.refuse_file(npy(HEADER.replace("(3,)", f"({2**63 - 1},)"), DATA), "impossibly large")
        self.refuse_file(npy(HEADER.replace("(3,)", f"({2**40},)"), DATA), "12 of 4398046511104 bytes")

    def test_files_that_end_early_or_late_are_refused(self):
        whole = npy(HEADER, DATA)
        for size in range(len(whole)):
            self.refuse_file(whole[:size], "not a .npy file" if size < 10 else "cut off")
        self.refuse_file(whole + b"x", "bytes follow")
        self.refuse_file(npy(HEADER, DATA, size=50), "damaged")
        self.refuse_file(npy(HEADER, DATA, (2, 0), size=2**32 - 1), "longer than")
        self.refuse_file(npy(HEADER, DATA, (2, 0))[:11], "cut off")
        self.refuse_file(b"PNG", "not a .npy file")
        self.refuse_file(b"", "not a .npy file")

    def test_random_damage_never_crashes(self):
        whole = npy(HEADER, DATA)
        random = np.random.default_rng(5)
        model = self.model("float32")
        for _ in range(150):
            damaged = bytearray(whole)
            for _ in range(random.integers(1, 4)):
                damaged[random.integers(len(damaged))] = random.integers(256)
            self.x.write_bytes(damaged)
            self.assertIn(harness.haya("run", model, "-i", self.x).returncode, (0, 6))

    def test_a_missing_file_and_a_directory_are_6(self):
        model = self.model("float32")
        self.refuse(6, "run", model, "-i", self.directory / "nosuch.npy", says=["nosuch.npy", "No such file"])
        self.refuse(6, "run", model, "-i", self.directory, says=str(self.directory))

    def test_a_pipe_is_read(self):
        pipe = self.directory / "pipe"
        os.mkfifo(pipe)
        array = np.random.default_rng(0).random(100000).astype(np.float32)
        np.save(self.x, array)
        writer = threading.Thread(target=lambda: pipe.write_bytes(self.x.read_bytes()), daemon=True)
        writer.start()
        self.succeed("run", self.model("float32"), "-i", pipe, "-o", self.y)
        writer.join()
        np.testing.assert_array_equal(np.load(self.y), array)


if __name__ == "__main__":
    unittest.main()
