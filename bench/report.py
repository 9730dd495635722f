# SPDX-License-Identifier: Apache-2.0
"""Results as CSV, JSON and Markdown. Needs nothing but Python: tests import it."""

import csv
import io
import json

from bench import summary

COLUMNS = ("network", "threads", "peer", "round", "quantity", "value")
TOLERANCE = 1e-4


def to_csv(records):
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def to_json(results):
    """All but the samples, which the CSV has, and a summary of the samples."""
    shown = {key: value for key, value in results.items() if key != "records"}
    shown["summary"] = [
        {"network": network, "threads": threads, "peer": peer, "quantity": quantity,
         **vars(summary.summarize(values)), "interval": summary.median_interval(values)}
        for (network, threads, peer, quantity), values in group(results["records"]).items()]
    return json.dumps(shown, indent=1) + "\n"


def group(records):
    """(network, threads, peer, quantity) -> values, in the order of the records."""
    samples = {}
    for record in records:
        key = (record["network"], record["threads"], record["peer"], record["quantity"])
        samples.setdefault(key, []).append(record["value"])
    return samples


# ---- Numbers as text ------------------------------------------------------------------------------------------------


def digits(value):
    """Three significant digits, without exponent."""
    if value is None:
        return ""
    size = abs(value)
    places = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{value:.{places}f}"


def megabytes(value):
    return digits(value / 1e6)


def markdown_table(heads, rows):
    """`rows` of texts; the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def emphasize_least(cells):
    """Cells (value or None, text) of a column as texts, the least value's in bold."""
    known = [value for value, _ in cells if value is not None]
    least = min(known) if len(known) > 1 else None
    return [f"**{text}**" if value is not None and value == least else text for value, text in cells]


def table_of_columns(first_head, names, columns):
    """`columns`: (head, cells), with a cell (value or None, text) for each name. Empty columns are left out."""
    columns = [(head, cells) for head, cells in columns if any(text for _, text in cells)]
    texts = [emphasize_least(cells) for _, cells in columns]
    rows = [[name, *row] for name, *row in zip(names, *texts)]
    return markdown_table([first_head, *(head for head, _ in columns)], rows)


# ---- The comparison -------------------------------------------------------------------------------------------------


class Report:
    """Markdown of the results that bench/run gathers."""

    def __init__(self, results):
        self.results = results
        self.samples = group(results["records"])
        self.peers = results["peers"]
        self.networks = results["networks"]
        self.threads = results["threads"]

    def markdown(self):
        parts = [self._circumstances(), self._overview()]
        parts += [self._network(network) for network in self.networks]
        parts += [self._alone(), self._peers()]
        return "\n".join(part for part in parts if part)

    def values(self, network, threads, peer, quantity):
        return self.samples.get((network["name"], threads, peer["key"], quantity), [])

    def median(self, *place):
        values = self.values(*place)
        return summary.median(values) if values else None

    def _cell(self, *place):
        value = self.median(*place)
        return (value, digits(value))

    def _failure(self, network, threads, peer):
        return self.results["failures"].get(f"{network['name']}/{threads}/{peer['key']}")

    def _circumstances(self):
        machine, run = self.results["machine"], self.results["run"]
        others = [value for (*_, quantity), values in self.samples.items() if quantity == "others_percent"
                  for value in values]
        lines = [f"- {machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB; "
                 f"{machine['instructions']}; {machine['system']}",
                 f"- {run['date']}, haya {run['version']}{', quick' if run['quick'] else ''}: "
                 f"{run['rounds']} round{'s' if run['rounds'] != 1 else ''}, {run['models']} models of each structure, "
                 f"{run['minutes']:.0f} minutes"]
        if others:
            lines.append(f"- other processes took {summary.median(others):.0f} % of one processor (median; at most "
                         f"{max(others):.0f} %)")
        return "\n".join(lines) + "\n"

    def _overview(self):
        """Runs of all networks, one line for each peer."""
        parts = []
        for threads in self.threads:
            columns = [(network["name"], [self._cell(network, threads, peer, "run_ms") for peer in self.peers])
                       for network in self.networks]
            parts += [f"### A run, {self._threads(threads)}: median, ms\n",
                      table_of_columns("", [peer["title"] for peer in self.peers], columns)]
        legend = [f"- `{network['name']}`: {network['title']}; {network['parameters'] / 1e6:.1f} million parameters"
                  for network in self.networks]
        return "\n".join([*parts, "\n".join(legend) + "\n"])

    @staticmethod
    def _threads(threads):
        return f"{threads} thread{'s' if threads != 1 else ''}"

    def _network(self, network):
        parts = [f"### {network['title']}\n"]
        most = self.threads[-1]
        measured = [peer for peer in self.peers if self.values(network, most, peer, "run_ms")]
        names = [peer["title"] for peer in measured]
        if measured:
            parts += [f"Until the first result, {self._threads(most)}, ms:\n",
                      table_of_columns("", names, self._start_columns(network, most, measured)),
                      "Runs, ms: median (quartiles; least). The last column is the median of a run after another "
                      "model's less the next run of the same model, with its 95 % interval:\n",
                      self._runs(network),
                      f"Memory, {self._threads(most)}, MB, beyond what the process had before its first model:\n",
                      table_of_columns("", names, self._memory_columns(network, most, measured)),
                      "Largest difference from TensorFlow's outputs: " + self._differences(network) + ".\n"]
        for peer in self.peers:
            for threads in self.threads:
                why = self._failure(network, threads, peer)
                if why:
                    parts.append(f"{peer['title']}, {self._threads(threads)}, was not measured: {why}\n")
        return "\n".join(parts)

    def _start_columns(self, network, threads, measured):
        quantities = (("create, first model", "create_first_model_ms"),
                      ("its first run", "first_run_first_model_ms"),
                      ("create, a further model", "create_further_model_ms"),
                      ("its first run", "first_run_further_model_ms"),
                      ("both, file not in memory", "cold_ms"))
        return [(head, [self._cell(network, threads, peer, quantity) for peer in measured])
                for head, quantity in quantities]

    def _runs(self, network):
        columns, names = [], []
        places = [(peer, threads) for peer in self.peers for threads in self.threads
                  if self.values(network, threads, peer, "run_ms")]
        names = [peer["title"] for peer in self.peers if any(peer is place[0] for place in places)]
        for threads in self.threads:
            columns.append((f"run, {self._threads(threads)}",
                            [self._spread(network, threads, peer, "run_ms") for peer in self.peers
                             if peer["title"] in names]))
        most = self.threads[-1]
        columns.append((f"after another model, {self._threads(most)}",
                        [self._spread(network, most, peer, "switch_ms") for peer in self.peers
                         if peer["title"] in names]))
        columns.append(("difference", [(None, self._interval(network, most, peer)) for peer in self.peers
                                       if peer["title"] in names]))
        return table_of_columns("", names, columns)

    def _spread(self, *place):
        values = self.values(*place)
        if not values:
            return (None, "")
        s = summary.summarize(values)
        return (s.median, f"{digits(s.median)} ({digits(s.lower)}–{digits(s.upper)}; {digits(s.minimum)})")

    def _interval(self, network, threads, peer):
        return interval_text(self.values(network, threads, peer, "switch_difference_ms"))

    def _memory_columns(self, network, threads, measured):
        models = self.results["run"]["models"]

        def cells(compute):
            result = []
            for peer in measured:
                sizes = {when: self.median(network, threads, peer, f"memory_{when}_bytes")
                         for when in ("empty_private", "one_private", "all_private", "empty_file", "all_file",
                                      "all_shared")}
                value = compute(sizes)
                result.append((value, megabytes(value)))
            return result

        columns = [("own, 1 model", cells(lambda s: s["one_private"] - s["empty_private"]))]
        if models > 1:
            columns += [(f"own, {models} models", cells(lambda s: s["all_private"] - s["empty_private"])),
                        ("each further", cells(lambda s: (s["all_private"] - s["one_private"]) / (models - 1)))]
        columns += [(f"files, {models} models", cells(lambda s: s["all_file"] - s["empty_file"])),
                    ("of all pages, shared", cells(lambda s: s["all_shared"])),
                    ("before the first model", cells(lambda s: s["empty_private"]))]
        # Only what is the peer's own costs memory; the other columns tell where the rest is.
        return columns[:-3] + [(head, [(None, text) for _, text in column]) for head, column in columns[-3:]]

    def _differences(self, network):
        texts = []
        for peer in self.peers:
            values = [value for threads in self.threads for value in self.values(network, threads, peer, "difference")]
            if values:
                inexact = max(values) > TOLERANCE
                texts.append(f"{peer['title']} {max(values):.1e}" + (" (**more than 1e-4**)" if inexact else ""))
        return ", ".join(texts)

    # ---- haya alone -----------------------------------------------------------------------------------------------

    def _alone(self):
        alone = self.results.get("alone", {})
        titles = {network["name"]: network["title"] for network in self.networks}
        most = self._threads(self.threads[-1])
        parts = [f"### haya alone: {titles.get(name, name)}, {most}\n\n{alone_table(numbers)}"
                 for name, numbers in alone.get("networks", {}).items()]
        many = alone.get("many_models")
        if many:
            parts.append(f"{many['count']} models of {megabytes(many['file_bytes'])} MB each: opened and bound in "
                         f"{digits(many['total_ms'])} ms, {digits(many['median_ms'])} ms each (median); "
                         f"{megabytes(many['private_bytes'])} MB of memory, "
                         f"{many['private_bytes'] / many['count'] / 1e3:.1f} kB each.\n")
        for name, why in alone.get("failures", {}).items():
            parts.append(f"haya alone, {name}, was not measured: {why}\n")
        return "\n".join(parts)

    # ---- Peers and settings ---------------------------------------------------------------------------------------

    def _peers(self):
        heads = ["", "version", "settings", "model files"]
        lines = ["| " + " | ".join(heads) + " |", "|---|---|---|---|"]
        for peer in self.peers:
            about = self.results["about"].get(peer["key"], {"version": "-", "settings": "not measured"})
            lines.append("| " + " | ".join([peer["title"], about["version"], about["settings"], peer["note"]]) + " |")
        text = "### Versions and settings\n\n" + "\n".join(lines) + "\n"
        seconds = self.results.get("conversion_seconds", {})
        if seconds:
            named = {"onnx": "ONNX", "tflite": "TFLite", "mnn": "MNN (from ONNX)", "param": "ncnn"}
            columns = [(named.get(suffix, suffix), [(None, digits(seconds.get(network["name"], {}).get(suffix)))
                                                    for network in self.networks])
                       for suffix in ("onnx", "tflite", "mnn", "param")]
            text += ("\nWriting one model's file in the peers' formats, seconds (median), not part of the times above:"
                     "\n\n" + table_of_columns("", [network["name"] for network in self.networks], columns))
        return text


def interval_text(values):
    if not values:
        return ""
    text = f"{summary.median(values):+.3g} ms"
    interval = summary.median_interval(values)
    return text + (f" [{interval[0]:+.3g}, {interval[1]:+.3g}]" if interval else "")


def alone_table(numbers):
    """What alone.py measured of one network, as a table."""
    rows = []

    def times(name, values):
        if values:
            s = summary.summarize(values)
            rows.append([name, f"{digits(s.median)} ms", f"{digits(s.lower)}–{digits(s.upper)}", str(s.count)])

    stages = numbers["stages"]
    for stage, name in (("open_ms", "open"), ("program_ms", "program"), ("bind_ms", "bind"), ("plan_ms", "plan"),
                        ("session_ms", "session, with its scratch")):
        times(name, stages[stage])
    first = numbers["first_runs"]
    times("first run of the first model", first["plain_first_run_ms"])
    times("the same, prepared", first["prepared_first_run_ms"])
    times("first run of a further model", first["plain_further_run_ms"])
    times("the same, prepared", first["prepared_further_run_ms"])
    times("preparing a further model, with open and bind", first["prepared_further_create_ms"])
    times("`haya run`, the whole process, .npy to .npy", numbers["command"]["process_ms"])
    times("a run beside it, in a session that is there", numbers["command"]["run_ms"])
    switch = numbers["switch"]
    times("run of the model that ran before", switch["run_ms"])
    times("run after another model's", switch["switch_ms"])
    for unit, scale in (("ms", 1), ("%", 100 / summary.median(switch["run_ms"]))):
        differences = [scale * difference for difference in switch["difference_ms"]]
        interval = summary.median_interval(differences)
        rows.append(["the switch: difference of the two, in pairs" if unit == "ms" else "the same, of a run",
                     f"{summary.median(differences):+.3g} {unit}",
                     f"95 % interval {interval[0]:+.3g} to {interval[1]:+.3g}" if interval else "",
                     str(len(differences))])
    for way, rates in numbers["throughput"].items():
        callers, threads = map(int, way.split("x"))
        s = summary.summarize(rates)
        name = f"{callers} session{'s' if callers > 1 else ''} of {Report._threads(threads)}, models mixed"
        rows.append([name, f"{digits(s.median)} runs/s", f"{digits(s.lower)}–{digits(s.upper)}", str(s.count)])
    private = switch["private_bytes"]
    rows.append(["memory of its own after the first model's run", f"{megabytes(private[0])} MB", "", "1"])
    if len(private) > 1:
        further = (private[-1] - private[0]) / (len(private) - 1)
        rows.append(["memory of its own, each further model", f"{further / 1e3:.0f} kB", "", str(len(private) - 1)])
    cold = numbers["cold"]
    times("open, bind and first run, file not in memory", cold["haya_ms"])
    times("the same, beyond the run that follows", cold["beyond_ms"])
    times(f"`dd` of that file ({megabytes(cold['bytes'])} MB), not in memory", cold["dd_ms"])
    return markdown_table(["", "median", "quartiles", "samples"], rows)
