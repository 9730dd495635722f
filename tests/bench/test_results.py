# SPDX-License-Identifier: Apache-2.0
"""The comparison's statistics, tables and files, without any of the runtimes that it compares."""

import csv
import io
import json
import math
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from bench import report, summary  # noqa: E402


class Statistics(unittest.TestCase):
    def test_quartiles_are_those_of_numpy(self):
        import numpy as np

        values = random.Random(1)
        for count in (1, 2, 3, 10, 101):
            sample = [values.random() for _ in range(count)]
            s = summary.summarize(sample)
            self.assertEqual((s.count, s.minimum), (count, min(sample)))
            np.testing.assert_allclose((s.lower, s.median, s.upper), np.quantile(sample, (0.25, 0.5, 0.75)))

    def test_no_values_have_no_summary(self):
        self.assertIsNone(summary.summarize([]))

    def test_the_interval_is_that_of_the_sign_test(self):
        # From tables of the sign test: the ranks of the 95 % interval for the median.
        for count, rank in ((6, 1), (8, 1), (9, 2), (20, 6), (50, 18), (100, 40)):
            values = list(range(1, count + 1))
            self.assertEqual(summary.median_interval(values[::-1]), (rank, count + 1 - rank), count)

    def test_five_values_are_too_few_for_an_interval(self):
        self.assertIsNone(summary.median_interval([1, 2, 3, 4, 5]))
        self.assertIsNone(summary.median_interval([]))

    def test_the_interval_covers_the_median_as_often_as_it_says(self):
        values = random.Random(2)
        covered = 0
        for _ in range(2000):
            low, high = summary.median_interval([values.expovariate(1) for _ in range(41)])
            covered += low <= math.log(2) <= high
        self.assertGreater(covered / 2000, 0.94)


class Numbers(unittest.TestCase):
    def test_three_digits(self):
        for value, text in ((0.01234, "0.012"), (1.2345, "1.23"), (12.345, "12.3"), (123.45, "123"), (99.96, "100"),
                            (9.996, "10.0"), (-2.5, "-2.50"), (0, "0.000"), (None, "")):
            self.assertEqual(report.digits(value), text)

    def test_the_least_of_a_column_is_bold(self):
        table = report.table_of_columns("", ["a", "b", "c"], [("x", [(2, "2"), (1, "1"), (None, "")])])
        self.assertEqual(table.splitlines(), ["|  | x |", "|---|--:|", "| a | 2 |", "| b | **1** |", "| c |  |"])

    def test_columns_without_values_are_left_out(self):
        table = report.table_of_columns("", ["a"], [("x", [(None, "")]), ("y", [(1, "1")])])
        self.assertEqual(table.splitlines(), ["|  | y |", "|---|--:|", "| a | 1 |"])

    def test_one_value_is_no_best(self):
        self.assertEqual(report.emphasize_least([(2, "2"), (None, "")]), ["2", ""])


def results():
    """As bench/run gathers them: two peers, of which one fails with one thread."""
    records = []

    def add(threads, peer, quantity, *values):
        records.extend({"network": "net", "threads": threads, "peer": peer, "round": 0, "quantity": quantity,
                        "value": value} for value in values)

    for threads, peer, run in ((1, "haya", 20.0), (2, "haya", 10.0), (2, "other", 30.0)):
        add(threads, peer, "run_ms", run, run + 1, run + 2)
        add(threads, peer, "switch_ms", run + 3, run + 4, run + 5)
        add(threads, peer, "switch_difference_ms", *[3.0] * 7)
        for model in ("first", "further"):
            add(threads, peer, f"create_{model}_model_ms", 5.0)
            add(threads, peer, f"first_run_{model}_model_ms", 6.0)
        for when, size in (("empty", 1), ("one", 3), ("all", 13)):
            for kind in ("private", "file", "shared"):
                add(threads, peer, f"memory_{when}_{kind}_bytes", size * 10**6)
        add(threads, peer, "difference", 2e-6 if peer == "haya" else 5e-4)
        add(threads, peer, "others_percent", 1.5)
    return {
        "run": {"date": "2026-01-02", "version": "1.2.3", "rounds": 1, "models": 6, "quick": False, "minutes": 12.0,
                "seconds": 1.0},
        "machine": {"processor": "a processor", "cores": 2, "memory_bytes": 8 * 2**30, "instructions": "AVX2",
                    "system": "a system"},
        "threads": [1, 2], "records": records, "failures": {"net/1/other": "its library is not there"},
        "about": {"haya": {"version": "1.2.3", "settings": "as usual"}},
        "peers": [{"key": "haya", "title": "haya", "note": "reads it"},
                  {"key": "other", "title": "Another", "note": "converts it"}],
        "networks": [{"name": "net", "title": "a network", "parameters": 1500000}],
        "conversion_seconds": {"net": {"onnx": 0.5}},
    }


class Files(unittest.TestCase):
    def test_csv_has_a_line_for_each_sample(self):
        records = results()["records"]
        rows = list(csv.DictReader(io.StringIO(report.to_csv(records))))
        self.assertEqual(len(rows), len(records))
        self.assertEqual(rows[0], {"network": "net", "threads": "1", "peer": "haya", "round": "0",
                                   "quantity": "run_ms", "value": "20.0"})

    def test_json_has_a_summary_for_each_quantity(self):
        document = json.loads(report.to_json(results()))
        self.assertNotIn("records", document)
        entry = next(entry for entry in document["summary"]
                     if (entry["peer"], entry["threads"], entry["quantity"]) == ("other", 2, "switch_difference_ms"))
        self.assertEqual(entry, {"network": "net", "threads": 2, "peer": "other", "quantity": "switch_difference_ms",
                                 "count": 7, "minimum": 3.0, "lower": 3.0, "median": 3.0, "upper": 3.0,
                                 "interval": [3.0, 3.0]})

    def test_samples_of_all_rounds_are_taken_together(self):
        records = results()["records"]
        later = [dict(record, round=1) for record in records]
        self.assertEqual(report.group(records + later)["net", 2, "other", "run_ms"], [30, 31, 32, 30, 31, 32])


class Markdown(unittest.TestCase):
    def row(self, text, start):
        return next(line for line in text.splitlines() if line.startswith(start))

    def section(self, text, start, end):
        return text.partition(start)[2].partition(end)[0]

    def test_times_memory_and_circumstances_are_shown(self):
        text = report.Report(results()).markdown()
        self.assertIn("a processor, 2 cores, 8 GiB; AVX2; a system", text)
        self.assertIn("other processes took 2 % of one processor (median; at most 2 %)", text)
        self.assertIn("| haya | **11.0** |", self.section(text, "### A run, 2 threads", "###"))
        runs = self.section(text, "Runs, ms", "Memory")
        self.assertIn("| haya | 21.0 (20.5–21.5; 20.0) | **11.0 (10.5–11.5; 10.0)** | **14.0 (13.5–14.5; 13.0)** | "
                      "+3 ms [+3, +3] |", runs)
        memory = self.section(text, "Memory, 2 threads", "Largest")
        self.assertIn("| haya | **2.00** | **12.0** | **2.00** | 12.0 | 13.0 | 1.00 |", memory)

    def test_what_was_not_measured_is_told_with_its_reason(self):
        text = report.Report(results()).markdown()
        self.assertIn("Another, 1 thread, was not measured: its library is not there", text)
        self.assertEqual(self.row(self.section(text, "### A run, 1 thread", "### "), "| Another"), "| Another |  |")

    def test_outputs_that_are_further_off_than_agreed_are_marked(self):
        text = report.Report(results()).markdown()
        self.assertIn("haya 2.0e-06, Another 5.0e-04 (**more than 1e-4**)", text)

    def test_where_haya_is_slower_the_other_one_is_the_best(self):
        slow = results()
        for record in slow["records"]:
            if record["peer"] == "haya" and record["quantity"] == "run_ms":
                record["value"] += 100
        text = report.Report(slow).markdown()
        section = self.section(text, "### A run, 2 threads", "###")
        self.assertIn("| haya | 111 |", section)
        self.assertIn("| Another | **31.0** |", section)

    def test_nothing_measured_is_a_report_too(self):
        nothing = results()
        nothing["records"] = []
        nothing["failures"] = {f"net/{threads}/{peer}": "no" for threads in (1, 2) for peer in ("haya", "other")}
        text = report.Report(nothing).markdown()
        self.assertEqual(text.count("was not measured: no"), 4)

    def test_haya_alone_has_a_line_for_each_quantity(self):
        ten = [1.0 * number for number in range(1, 11)]
        numbers = {
            "stages": dict.fromkeys(("open_ms", "program_ms", "bind_ms", "plan_ms", "session_ms"), ten),
            "first_runs": {f"{way}_{model}_{what}_ms": ten for way in ("plain", "prepared")
                           for model in ("first", "further") for what in ("create", "run")},
            "command": {"process_ms": ten, "run_ms": ten},
            "switch": {"switch_ms": ten, "run_ms": ten, "difference_ms": ten, "private_bytes": [10**6, 3 * 10**6],
                       "file_bytes": [0, 0]},
            "throughput": {"1x2": [3.0], "2x1": [4.0]},
            "cold": {"haya_ms": ten, "beyond_ms": [1.0, 2.0, 6.0], "dd_ms": ten, "bytes": 5 * 10**6},
        }
        table = report.alone_table(numbers)
        self.assertIn("| open | 5.50 ms | 3.25–7.75 | 10 |", table)
        self.assertIn("| the switch: difference of the two, in pairs | +5.5 ms | 95 % interval +2 to +9 | 10 |", table)
        self.assertIn("| the same, of a run | +100 % | 95 % interval +36.4 to +164 | 10 |", table)
        self.assertIn("| the same, beyond the run that follows | 2.00 ms | 1.50–4.00 | 3 |", table)
        self.assertIn("| 2 sessions of 1 thread, models mixed | 4.00 runs/s |", table)
        self.assertIn("| memory of its own, each further model | 2000 kB |", table)
        self.assertIn("| `dd` of that file (5.00 MB), not in memory | 5.50 ms |", table)


if __name__ == "__main__":
    unittest.main()
