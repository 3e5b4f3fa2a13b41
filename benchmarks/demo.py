"""The main job, end to end: time, memory, quality, who is paid, and whether it repeats."""

import os
from pathlib import Path
from typing import Any

from benchmarks import runs
from collegium.tasks.xray.metric import AUC

SEEDS = (5, 6, 7)
Document = dict[str, Any]


def phantoms(folder: Path) -> str:
    """Default demonstration, one per seed."""
    done = [runs.run(["demo", "--seed", str(s), "--out", str(folder / str(s))]) for s in SEEDS]
    rows = []
    for seed, run in zip(SEEDS, done, strict=True):
        quality = run.document["quality"]
        best = max(quality["local"].values())
        rows.append(
            (
                seed,
                f"{quality['base']:.1%}",
                f"{best:.1%}",
                f"**{quality['federated']:.1%}**",
                f"{quality['centralised']:.1%}",
                f"{100 * (quality['federated'] - quality['base']):+.1f}",
                f"{100 * (quality['federated'] - best):+.1f}",
            )
        )
    columns = ("seed", "base", "best hospital alone", "federated", "pooled data")
    target = ("over base (≥ +20)", "over best alone (≥ +10)")
    title = "Phantoms: answers right on the reference set, which no node trained on"
    return (
        runs.table(title, (*columns, *target), rows)
        + "\n"
        + _behaviour(dict(zip(SEEDS, done, strict=True)))
    )


def pneumonia(folder: Path) -> str:
    """Real radiographs: ``$COLLEGIUM_DATA/pneumonia``."""
    root = os.environ.get("COLLEGIUM_DATA")
    if not root:
        return "### Pneumonia\n\nskipped: COLLEGIUM_DATA is not set\n"
    data = str(Path(root) / "pneumonia")
    rows, done = [], {}
    for seed in SEEDS:
        arguments = ["demo", "--data", data, "--seed", str(seed), "--out", str(folder / str(seed))]
        run = done[seed] = runs.run(arguments)
        auc = {name: part[AUC] for name, part in run.document["quality"]["parts"].items()}
        best = max(auc[name] for name in run.document["quality"]["local"])
        figures = (auc["base"], best, auc["federated"], auc["centralised"])
        gaps = (auc["federated"] - best, auc["federated"] - auc["centralised"])
        rows.append((seed, *(f"{v:.4f}" for v in figures), *(f"{v:+.4f}" for v in gaps)))
    columns = ("seed", "base", "best site alone", "federated", "pooled data")
    target = ("over best alone (> 0)", "against pooled (≥ −0.02)")
    title = "Real pneumonia set: area under the ROC curve on the reference part"
    return runs.table(title, (*columns, *target), rows) + "\n" + _behaviour(done)


def repeat(folder: Path) -> str:
    """Two runs with one seed: states, payouts and ledger must be identical."""
    first, second = (
        runs.run(["demo", "--rounds", "2", "--out", str(folder / name)]).document
        for name in ("first", "second")
    )
    rows = [
        ("state roots", _same(first, second, lambda d: [r["state_root"] for r in d["rounds"]])),
        ("payouts", _same(first, second, lambda d: d["money"]["earned_by_node"])),
        ("ledger root", _same(first, second, lambda d: d["money"]["ledger_root"])),
        ("committees", _same(first, second, lambda d: [r["committee"] for r in d["rounds"]])),
    ]
    return runs.table("Two runs with one seed", ("what", "identical"), rows)


def _behaviour(done: dict[int, runs.Run]) -> str:
    """Acceptance, time, memory and the cost of evidence, per seed."""
    rows = []
    for seed, run in done.items():
        updates = [u for entry in run.document["rounds"] for u in entry["updates"]]
        honest = [u for u in updates if not _dishonest(u["node"])]
        others = [u for u in updates if _dishonest(u["node"])]
        rows.append(
            (
                seed,
                f"{sum(u['accepted'] and u['paid'] > 0 for u in honest)}/{len(honest)}",
                f"{sum(not u['accepted'] and u['paid'] == 0 for u in others)}/{len(others)}",
                f"{run.document['timing_s']['trust_share']:.1%}",
                f"{run.seconds:.0f} s",
                f"{run.peak_mib / 1024:.2f} GiB",
                "holds" if run.document["audit"]["ok"] else "VIOLATED",
            )
        )
    columns = (
        "seed",
        "honest updates accepted and paid",
        "dishonest rejected and unpaid",
        "cost of trust (≤ 10 %)",
        "wall time (≤ 4 min)",
        "peak memory (≤ 3 GiB)",
        "audit",
    )
    return runs.table("Who was paid, and what it took", columns, rows)


def _dishonest(name: str) -> bool:
    return name.startswith(("free-rider", "poisoner"))


def _same(first: Document, second: Document, part: Any) -> str:
    return "yes" if part(first) == part(second) else "**no**"
