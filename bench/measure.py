# SPDX-License-Identifier: Apache-2.0
"""Runs peers, each in its own process, in turn: only the process whose turn it is runs, the others are stopped."""

import ctypes
import json
import mmap
import os
import select
import signal
import subprocess
import time

import numpy as np

from bench import formats, peers

ANSWER_SECONDS = 300
SMALL = 512e6     # bytes of all models' parameters: above it, peers don't wait for their next turn in memory
MOST_MEMORY = 8   # times the parameters: what the peer that needs most takes
ANOTHER_NETWORK = 0.01  # outputs that differ by more are not those of the same network


class PeerFailure(Exception):
    """A peer that cannot be measured, and why."""


# ---- A driver's process ---------------------------------------------------------------------------------------------


class Driver:
    """A driver's process, and the protocol of drivers/driver.py."""

    def __init__(self, peer, threads, folder, network, build):
        self.peer, self.folder = peer, folder
        shape = network.input_shape
        if peer.nchw:
            shape = (shape[0], shape[3], *shape[1:3])
        self.log = open(build / "bench" / f"{peer.key}.log", "wb")
        command = [*peer.command(build), str(threads), str(folder / ("x.nchw" if peer.nchw else "x.nhwc")),
                   "x".join(map(str, shape)), *([peer.option] if peer.option else [])]
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                            cwd=peers.ROOT, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
        except OSError as error:
            self.log.close()
            raise PeerFailure(f"cannot be started: {error}") from error
        self.pending = b""
        try:
            self.about = self._answer("start")
        except BaseException:
            self.close()
            raise

    def model(self, number):
        return self.folder / f"{number}.{self.peer.format}"

    def ask(self, command):
        try:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise PeerFailure(f"'{command[:40]}': its process has ended; {self._last_words()}") from error
        return self._answer(command)

    def load(self, number):
        return self.ask(f"load {self.model(number)}")

    def run(self, numbers):
        return self.ask("run " + " ".join(map(str, numbers)))["run_ms"]

    def output(self, network):
        """What the last run computed, NHWC."""
        path = self.folder / f"{self.peer.key}.out"
        self.ask(f"output {path}")
        values = np.fromfile(path, np.float32)
        path.unlink()
        shape = network.output_shape
        if values.size != np.prod(shape):
            raise PeerFailure(f"{values.size} outputs, not {np.prod(shape)}")
        return formats.to_nhwc(values.reshape(shape[0], shape[3], *shape[1:3])) if self.peer.nchw \
            else values.reshape(shape)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.log):
            try:
                file.close()
            except OSError:  # what was not written to it yet
                pass

    def _answer(self, command):
        limit = time.monotonic() + ANSWER_SECONDS
        while True:
            line, newline, rest = self.pending.partition(b"\n")
            if newline:
                self.pending = rest
                if line.startswith(b"{"):  # libraries print while they are loaded
                    answer = json.loads(line)
                    if "error" in answer:
                        raise PeerFailure(answer["error"])
                    return answer
                continue
            if not select.select([self.process.stdout], [], [], max(limit - time.monotonic(), 0))[0]:
                raise PeerFailure(f"'{command[:40]}': no answer within {ANSWER_SECONDS} s")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                raise PeerFailure(f"'{command[:40]}': its process has ended; {self._last_words()}")
            self.pending += part

    def _last_words(self):
        status = self.process.wait()
        with open(self.log.name, encoding="utf-8", errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
        ended = f"signal {-status}" if status < 0 else f"exit status {status}"
        return f"{ended}: {lines[-1][:300]}" if lines else ended


def memory(pid):
    """Bytes of a process: its own (anonymous) pages, pages of files, and pages that other processes have, too."""
    fields = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            words = line.split()
            if words[-1] == "kB":
                fields[words[0].rstrip(":")] = 1024 * int(words[1])
    own = fields["Anonymous"] + fields.get("Swap", 0)
    return {"private": own, "file": fields["Rss"] - fields["Anonymous"] - fields.get("Pss_Shmem", 0),
            "shared": fields["Shared_Clean"] + fields["Shared_Dirty"]}


def available_memory():
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        fields = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in meminfo}
    return fields["MemAvailable"], fields["MemTotal"]


def touch_memory(size):
    """Has the system give so much memory and take it back. A virtual machine's host takes away what was free for a
    while; who is the next to need it would pay for its return."""
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        free = next(1024 * int(line.split()[1]) for line in meminfo if line.startswith("MemFree"))
    with mmap.mmap(-1, max(min(size, free // 2), mmap.PAGESIZE), flags=mmap.MAP_PRIVATE) as memory_map:
        np.frombuffer(memory_map, np.uint8)[::mmap.PAGESIZE] = 1


# ---- Cold files -----------------------------------------------------------------------------------------------------


def drop_from_cache(path):
    """Takes a file's pages out of the system's cache; False where they stay: other processes map it, or it lies in
    memory."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return resident_part(path) < 0.01


def resident_part(path):
    """The part of a file's pages that lies in the system's cache."""
    size = os.path.getsize(path)
    if size == 0:
        return 0.0
    pages = -(-size // mmap.PAGESIZE)
    states = (ctypes.c_ubyte * pages)()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapping:
        view = ctypes.c_char.from_buffer(mapping)  # not read: that would bring the page in
        failed = ctypes.CDLL(None, use_errno=True).mincore(ctypes.c_void_p(ctypes.addressof(view)),
                                                           ctypes.c_size_t(size), states)
        del view
    if failed:
        raise OSError(ctypes.get_errno(), "mincore", str(path))
    return sum(state & 1 for state in states) / pages


# ---- The machine's other load ---------------------------------------------------------------------------------------


class OtherLoad:
    """How busy the processors were with others than one process, in per cent of one processor."""

    def __init__(self, pid):
        self.pid, self.ticks = pid, os.sysconf("SC_CLK_TCK")
        self.start = self._now()

    def _now(self):
        with open("/proc/stat", encoding="ascii") as stat:
            user, nice, system, _, _, irq, softirq, steal = map(int, stat.readline().split()[1:9])
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            own = stat.read().rpartition(")")[2].split()
        return user + nice + system + irq + softirq + steal - int(own[11]) - int(own[12]), time.monotonic()

    def percent(self):
        busy, now = self._now()
        return max(100 * (busy - self.start[0]) / self.ticks / max(now - self.start[1], 1e-3), 0)


# ---- A network with so many threads ---------------------------------------------------------------------------------


class Cell:
    """One network with one number of threads: all peers, in rounds, into `records`."""

    def __init__(self, network, threads, folder, build, options, say):
        self.network, self.threads, self.folder, self.build = network, threads, folder, build
        self.options, self.say = options, say
        self.records, self.failures, self.about = [], {}, {}
        self.drivers, self.largest = {}, 0

    def measure(self, chosen):
        try:
            for number in range(self.options.rounds):
                # Another peer begins each round, so that none always follows the same.
                at = number % len(chosen)
                for peer in chosen[at:] + chosen[:at]:
                    if peer.key not in self.failures:
                        self._turn(peer, number)
        finally:
            for driver in self.drivers.values():
                driver.close()

    def _record(self, peer, number, quantity, *values):
        for value in values:
            self.records.append({"network": self.network.name, "threads": self.threads, "peer": peer.key,
                                 "round": number, "quantity": quantity, "value": value})

    def _turn(self, peer, number):
        driver = self.drivers.get(peer.key)
        try:
            if driver:
                driver.resume()
            else:
                touch_memory(MOST_MEMORY * self._parameter_bytes())
                driver = Driver(peer, self.threads, self.folder, self.network, self.build)
                self.drivers[peer.key] = driver
                self._start(peer, driver, number)
            self._runs(peer, driver, number)
            self._cold(peer, driver, number)
            if self._may_stay(driver):
                driver.pause()
                return
        except PeerFailure as failure:
            self.failures[peer.key] = str(failure)
            self.say(f"  {peer.title}: failed: {failure}")
        if peer.key in self.drivers:  # begins anew in the next round, if it has not failed
            self.drivers.pop(peer.key).close()

    def _may_stay(self, driver):
        """Whether a process may wait for its next turn: not where what all of them hold would make memory short."""
        self.largest = max(self.largest, memory(driver.process.pid)["private"])
        left, total = available_memory()
        return not self.options.restart and self._parameter_bytes() < SMALL and left > max(total / 4, 2 * self.largest)

    def _parameter_bytes(self):
        return 4 * self.network.parameter_count * self.options.models

    def _start(self, peer, driver, number):
        """Loads all models, and takes the memory before the first, with one and with all."""
        pid, models = driver.process.pid, self.options.models
        self.about[peer.key] = driver.about
        for file in (file for i in range(models) for file in peer.files(driver.model(i))):
            with open(file, "rb") as data:  # into the system's cache
                while data.read(1 << 20):
                    pass
        self._record_memory(peer, number, "empty", pid)
        for i in range(models):
            answer = driver.load(i)
            which = "first" if i == 0 else "further"
            self._record(peer, number, f"create_{which}_model_ms", answer["create_ms"])
            self._record(peer, number, f"first_run_{which}_model_ms", answer["first_ms"])
            if i == 0:
                driver.run([0, 0])
                self._record_memory(peer, number, "one", pid)
        driver.run(range(models))
        self._record_memory(peer, number, "all", pid)
        for i in range(min(models, 2)):
            driver.run([i])
            difference = np.abs(driver.output(self.network) - np.load(self.folder / f"{i}.npy")).max()
            if not difference < ANOTHER_NETWORK:  # nor is what is not a number
                raise PeerFailure(f"its outputs differ from TensorFlow's by {difference:.1e}: another network's")
            self._record(peer, number, "difference", float(difference))

    def _record_memory(self, peer, number, when, pid):
        for kind, value in memory(pid).items():
            self._record(peer, number, f"memory_{when}_{kind}_bytes", value)

    def _runs(self, peer, driver, number):
        """Each model twice in a row: the first run follows another model's, the second its own."""
        models = self.options.models
        order = [i for i in range(models) for _ in range(2)]
        driver.run([models - 1])  # awake again, and the order's last, so that its first follows another
        load = OtherLoad(driver.process.pid)
        start = time.monotonic()
        passes, steady = 0, []
        while True:
            times = driver.run(order)
            switched, same = times[0::2], times[1::2]
            if models > 1:
                self._record(peer, number, "switch_ms", *switched)
                self._record(peer, number, "switch_difference_ms", *(a - b for a, b in zip(switched, same)))
            self._record(peer, number, "run_ms", *same)
            steady += same
            passes += 1
            spent = time.monotonic() - start
            if spent * (passes + 1) / passes > self.options.seconds:
                break
        others = load.percent()
        self._record(peer, number, "others_percent", others)
        self.say(f"  round {number + 1}  {peer.title:28} {np.median(steady):9.2f} ms"
                 + (f"   (other processes: {others:.0f} %)" if others >= 5 else ""))

    def _cold(self, peer, driver, number):
        """A model that nobody has open, whose file is not in memory."""
        if self.options.quick:
            return
        files = peer.files(driver.model(self.options.models))
        if all([drop_from_cache(file) for file in files]):
            answer = driver.load(self.options.models)
            driver.ask("unload")
            self._record(peer, number, "cold_ms", answer["create_ms"] + answer["first_ms"])
