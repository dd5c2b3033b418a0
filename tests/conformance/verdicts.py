#!/usr/bin/env python3
"""Compares skep's verdicts with the live kernel's on compiled BPF objects, program by program.

Usage: verdicts.py SKEP OBJECT... [--table FILE] [--details FILE]

Each object is verified twice: by skep, and by the running kernel (`skep verify --live`), each program alone.
Prints a table by file and the totals. Exit status 1 when skep accepts what the kernel refuses.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

TIMEOUT_S = 300


def verify(skep, path, live):
    command = [skep, "verify", "--json"] + (["--live"] if live else []) + [str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return None, "timeout"
    rows = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            return None, f"bad output: {line[:80]}"
        rows[(row["section"], row["program"])] = row
    crashed = done.returncode not in (0, 1)
    return rows, (f"exit status {done.returncode}" if crashed else done.stderr.decode(errors="replace").strip()[:200])


def reason(log):
    """The line of a verifier log that names the error: the last one before the statistics."""
    last = ""
    for line in log.splitlines():
        if line and not line.startswith(("processed ", "verification time", "stack depth")):
            last = line
    return last.strip()


def artefact(row):
    """Verdicts of this machine rather than of the verifier: attaching to kernel functions is forbidden here, and
    objects whose maps or relocations fail never reach the verifier."""
    return row["verdict"] == "reject" and not row["log"].rstrip().split("\n")[-1].startswith("processed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("skep")
    parser.add_argument("objects", nargs="+", type=pathlib.Path)
    parser.add_argument("--table", type=pathlib.Path)
    parser.add_argument("--details", type=pathlib.Path)
    options = parser.parse_args()

    def both(path):
        return path, verify(options.skep, path, False), verify(options.skep, path, True)

    totals = collections.Counter()
    table, details = [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (ours, our_error), (live, live_error) in pool.map(both, options.objects):
            count = collections.Counter()
            if live is None or ours is None:
                count["broken"] += 1
                details.append(f"{path.name}: ours {our_error!r}, live {live_error!r}")
            for key, row in (live or {}).items():
                mine = (ours or {}).get(key)
                if artefact(row):
                    count["artefact"] += 1
                    continue
                count["programs"] += 1
                if mine is None:
                    count["missing"] += 1
                    details.append(f"{path.name}:{key}: no verdict of ours: {our_error}")
                    continue
                same = mine["verdict"] == row["verdict"] and mine["errno"] == row["errno"]
                count["same"] += same
                accepts, live_accepts = mine["verdict"] == "accept", row["verdict"] == "accept"
                count["false accept"] += accepts and not live_accepts
                count["false reject"] += live_accepts and not accepts
                if same and accepts:
                    count["accepted"] += 1
                    count["processed equal"] += mine["processed"] == row["processed"]
                    if mine["processed"] != row["processed"]:
                        details.append(f"{path.name}:{key}: processed {mine['processed']}, live {row['processed']}")
                if not accepts and not live_accepts:
                    count["rejected"] += 1
                    equal = reason(mine["log"]) == reason(row["log"])
                    count["line equal"] += equal
                    if not equal:
                        details.append(f"{path.name}:{key}: line {reason(mine['log'])!r}, live {reason(row['log'])!r}")
                if not same:
                    word = "FALSE ACCEPT" if accepts and not live_accepts else "differs"
                    details.append(f"{path.name}:{key}: {word}: {mine['verdict']} {mine['errno']} "
                                   f"{reason(mine['log'])!r}, live {row['verdict']} {row['errno']} {reason(row['log'])!r}")
            totals.update(count)
            table.append((path.name, count))

    columns = ["programs", "same", "false accept", "false reject", "accepted", "processed equal", "rejected",
               "line equal", "artefact", "missing", "broken"]
    lines = ["| file | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(str(count[c]) for c in columns) + " |" for name, count in table]
    lines.append("| **total** | " + " | ".join(str(totals[c]) for c in columns) + " |")
    if options.table:
        options.table.write_text("\n".join(lines) + "\n")
    if options.details:
        options.details.write_text("\n".join(details) + "\n")
    for column in columns:
        print(f"{column}: {totals[column]}")
    if totals["programs"]:
        print(f"verdict and errno equal: {100 * totals['same'] / totals['programs']:.2f} %")
    return 1 if totals["false accept"] or totals["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
