"""compare.py NATIVE OTHER NAME: which scenarios printed the same. Ends with 1 when any did not."""
import difflib
import os
import sys


def sections(path):
    found, name = {}, None
    for line in open(path, errors="replace"):
        if line.startswith("== "):
            name = line[3:].strip()
            found[name] = []
        elif name:
            found[name].append(line)
        else:
            print("before the first scenario:", line, end="")
    return found


def known_differences(path):
    lines = (line.split(":", 1) for line in open(path) if ":" in line and not line.startswith("#"))
    return {scenario: reason.strip() for scenario, reason in lines}


NEEDS_SECOND_USER = ["addresses.bind_waives_privileged_ports"]
native, other, name = sections(sys.argv[1]), sections(sys.argv[2]), sys.argv[3]
known = known_differences(os.path.join(os.path.dirname(__file__), "known-differences.txt"))
different = same = 0
if not other:
    print(f"FAIL {name}: no scenario ran")
for scenario in native if other else []:
    if scenario in NEEDS_SECOND_USER and "HOOKS_UNPRIVILEGED" in os.environ:
        print(f"skip {name} {scenario}: it needs a second user id")
        continue
    if scenario not in other:
        print(f"FAIL {name} {scenario}: missing")
    elif scenario in known and native[scenario] != other[scenario]:
        print(f"known {name} {scenario}: {known[scenario]}")
        continue
    elif scenario in known:
        print(f"FAIL {name} {scenario}: listed as a known difference, but the same")
    elif native[scenario] != other[scenario]:
        print(f"FAIL {name} {scenario}")
        lines = list(difflib.unified_diff(native[scenario], other[scenario], "native", name, n=1))
        print("".join("    " + line for line in lines[2:42]), end="")
    else:
        same += 1
        continue
    different += 1
print(f"{name}: {same} of {len(native)} scenarios the same")
sys.exit(bool(different or not other))
