# SPDX-License-Identifier: Apache-2.0
"""The chart of one network: first result, runs, and memory of all peers."""

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from bench import report  # noqa: E402

OWN, OTHER = "#c2410c", "#64748b"


def draw(results, path):
    """Writes the chart as SVG, or as what the path's suffix says; False without results to draw."""
    r = report.Report(results)
    network, threads = results["networks"][0], results["threads"][-1]
    models = results["run"]["models"]
    measured = [peer for peer in results["peers"] if r.values(network, threads, peer, "run_ms")]
    if not measured:
        return False

    def first_result(peer):
        return sum(r.median(network, threads, peer, quantity)
                   for quantity in ("create_further_model_ms", "first_run_further_model_ms"))

    def own_memory(peer):
        return (r.median(network, threads, peer, "memory_all_private_bytes")
                - r.median(network, threads, peer, "memory_empty_private_bytes")) / 1e9

    panels = [("Run, another model each time: ms", lambda peer: r.median(network, threads, peer, "switch_ms")),
              ("A further model, until its first result: ms", first_result),
              (f"Memory for {models} models: GB", own_memory)]
    if models == 1:
        panels = [("Run: ms", lambda peer: r.median(network, threads, peer, "run_ms")), panels[2]]
    plt.rcParams.update({"svg.hashsalt": "haya", "font.family": "DejaVu Sans", "font.size": 9})
    figure, axes = plt.subplots(1, len(panels), figsize=(3.6 * len(panels), 0.34 * len(measured) + 1.1),
                                facecolor="white", sharey=True)
    for axis, (title, value) in zip(axes, panels):
        values = [value(peer) for peer in measured]
        colors = [OWN if peer["key"] == "haya" else OTHER for peer in measured]
        axis.barh(range(len(measured)), values, color=colors)
        for place, number in enumerate(values):
            axis.text(number, place, " " + report.digits(number), va="center")
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_xlim(0, 1.22 * max(values))
        axis.set_xticks([])
        axis.set_yticks(range(len(measured)), [peer["title"] for peer in measured])
        axis.tick_params(length=0)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    axes[0].invert_yaxis()
    title = f"{network['title']}, {network['parameters'] / 1e6:.1f} million parameters, {threads} threads, float32"
    figure.suptitle(title, fontsize=9.5, x=0.01, ha="left")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if str(path).endswith(".svg") else None)
    plt.close(figure)
    return True
