# SPDX-License-Identifier: Apache-2.0
"""What is measured of haya alone: where its time before the first run goes, many models, switching, callers."""

import os
import subprocess
import time

from bench import measure, peers, summary

HAYA = peers.PEERS[0]


class Alone:
    """Each method returns a dict of numbers for report.py; lists are samples in milliseconds."""

    def __init__(self, network, threads, folder, build, options):
        self.network, self.threads, self.folder, self.build = network, threads, folder, build
        self.options = options

    def _driver(self, threads=None):
        return measure.Driver(HAYA, threads or self.threads, self.folder, self.network, self.build)

    def _graph(self, number):
        return self.folder / f"{number}.pb"

    def measure(self):
        parts = {"command": self.command, "stages": self.stages, "first_runs": self.first_runs,
                 "switch": self.switch, "throughput": self.throughput, "cold": self.cold}
        return {name: part() for name, part in parts.items()}

    def command(self):
        """The command from .npy to .npy, as a process, against a run of a session that is there."""
        target = self.folder / "y.npy"
        command = [self.build / "cli/haya", "run", self._graph(0), "-i", self.folder / "x.npy", "-o", target,
                   "--threads", str(self.threads)]
        driver = self._driver()
        whole, steady = [], []
        try:
            driver.load(0)
            for _ in range(self.options.repeats):
                driver.pause()
                start = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                whole.append(1e3 * (time.perf_counter() - start))
                driver.resume()
                steady += driver.run([0, 0])[1:]
        finally:
            driver.close()
            target.unlink(missing_ok=True)
        return {"process_ms": whole, "run_ms": steady}

    def stages(self):
        """open, program, bind, plan and session of the first model, each time anew in one process."""
        driver = self._driver()
        try:
            answers = [driver.ask(f"stages {self._graph(0)}") for _ in range(self.options.repeats)]
        finally:
            driver.close()
        return {stage: [answer[stage] for answer in answers] for stage in answers[0]}

    def first_runs(self):
        """The first run of the first and of a further model, after haya_prepare and without it."""
        result = {}
        for _ in range(self.options.repeats):
            for prepared in ("plain", "prepared"):
                driver = self._driver()
                try:
                    if prepared == "prepared":
                        driver.ask("prepare")
                    for number, model in enumerate(("first", "further")):
                        answer = driver.load(number)
                        result.setdefault(f"{prepared}_{model}_create_ms", []).append(answer["create_ms"])
                        result.setdefault(f"{prepared}_{model}_run_ms", []).append(answer["first_ms"])
                finally:
                    driver.close()
        return result

    def switch(self):
        """At least 40 pairs: a run after another model's, less a run of the same model that follows it."""
        models = self.options.models
        driver = self._driver()
        memory, differences, switched, same = [], [], [], []
        try:
            for number in range(models):
                driver.load(number)
                memory.append(measure.memory(driver.process.pid))
            order = [number for number in range(models) for _ in range(2)]
            driver.run(order)
            while len(differences) < max(40, 8 * self.options.repeats):
                times = driver.run(order)
                switched += times[0::2]
                same += times[1::2]
                differences += [a - b for a, b in zip(times[0::2], times[1::2])]
        finally:
            driver.close()
        return {"switch_ms": switched, "run_ms": same, "difference_ms": differences,
                "private_bytes": [use["private"] for use in memory], "file_bytes": [use["file"] for use in memory]}

    def throughput(self):
        """Runs in a second, models mixed: one session of all threads, and a session of one thread for each caller."""
        result = {}
        driver = self._driver()
        try:
            for number in range(self.options.models):
                driver.load(number)
            for _ in range(max(self.options.repeats // 2, 1)):
                for callers, threads in ((1, self.threads), (self.threads, 1)):
                    answer = driver.ask(f"throughput {callers} {threads} {1e3 * self.options.seconds / 2:.0f}")
                    result.setdefault(f"{callers}x{threads}", []).append(1e3 * answer["runs"] / answer["wall_ms"])
        finally:
            driver.close()
        return result

    def cold(self):
        """A model whose file is not in memory: create and first run, what they take beyond the run that follows, and
        the time that dd takes to read the file."""
        number = self.options.models - 1
        graph = self._graph(number)
        result = {"haya_ms": [], "beyond_ms": [], "dd_ms": [], "bytes": graph.stat().st_size}
        driver = self._driver()
        try:
            driver.load(0)
            # The host of a virtual machine may keep what was read once: it is to meet both in the same state.
            possible = measure.drop_from_cache(graph)
            self._dd(graph)
            for _ in range(self.options.repeats if possible else 0):
                measure.drop_from_cache(graph)
                answer = driver.load(number)
                following = driver.run([1])[0]
                driver.ask("unload")
                result["haya_ms"].append(answer["create_ms"] + answer["first_ms"])
                result["beyond_ms"].append(result["haya_ms"][-1] - following)
                measure.drop_from_cache(graph)
                result["dd_ms"].append(self._dd(graph))
        finally:
            driver.close()
        return result

    @staticmethod
    def _dd(path):
        start = time.perf_counter()
        subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=1M"], check=True, stderr=subprocess.DEVNULL)
        return 1e3 * (time.perf_counter() - start)


def many_models(network, threads, folder, build, count):
    """Opens and binds `count` models of one structure: time and memory."""
    variants = folder / "variants"
    variants.mkdir(exist_ok=True)
    for number in range(count):
        path = variants / f"{number}.pb"
        if not path.exists():
            part = path.with_name("part")
            subprocess.run([build / "tools/make_unet", *network.options, "--seed", str(1000 + number), part],
                           check=True, stdout=subprocess.DEVNULL)
            part.rename(path)
    driver = measure.Driver(HAYA, threads, folder, network, build)
    try:
        driver.load(0)
        before = measure.memory(driver.process.pid)
        answers = [driver.ask(f"bind {variants}/{number}.pb") for number in range(count)]
        after = measure.memory(driver.process.pid)
    finally:
        driver.close()
    times = [answer["open_ms"] + answer["bind_ms"] for answer in answers]
    return {"count": count, "file_bytes": os.path.getsize(variants / "0.pb"), "total_ms": sum(times),
            "median_ms": summary.median(times), "private_bytes": after["private"] - before["private"],
            "mean_open_ms": sum(answer["open_ms"] for answer in answers) / count,
            "mean_bind_ms": sum(answer["bind_ms"] for answer in answers) / count}
