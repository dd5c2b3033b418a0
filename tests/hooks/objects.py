"""bpftool on maps, programs and pins; tail calls; test runs."""
import json

from lib import *

MAPS, PROGS = f"{PINS}/packets/maps", f"{PINS}/packets/progs"


@scenario
def struct_outputs():
    print(bpftool("map", "update", "pinned", f"{MAPS}/structs", "key", "0", "0", "0", "0", "value", "hex", *("%02x" % b for b in range(64))))
    for form in ((), ("--json",), ("--pretty",)):
        print(bpftool("map", "dump", "pinned", f"{MAPS}/structs", *form), end="")
        print(bpftool("map", "lookup", "pinned", f"{MAPS}/structs", "key", "0", "0", "0", "0", *form), end="")
    print(bpftool("map", "delete", "pinned", f"{MAPS}/structs", "key", "0", "0", "0", "0", quiet=True))
    print(bpftool("map", "delete", "pinned", f"{MAPS}/structs", "key", "0", "0", "0", "0", quiet=True))
    print(bpftool("map", "update", "pinned", f"{MAPS}/structs", "key", "1", "0", "0", "0", "value", "1", quiet=True))


@scenario
def shown_objects():
    def known(entry, *keys):
        return {key: entry.get(key) for key in keys}
    one = json.loads(bpftool("--json", "map", "show", "pinned", f"{MAPS}/structs"))
    print(known(one, "type", "name", "flags", "bytes_key", "bytes_value", "max_entries", "frozen"))
    for program in sorted(os.listdir(PROGS)):
        one = json.loads(bpftool("--json", "prog", "show", "pinned", f"{PROGS}/{program}"))
        print(program, known(one, "type", "name", "tag", "gpl_compatible", "uid", "bytes_xlated"), len(one.get("map_ids", [])))
    print(bpftool("prog", "dump", "xlated", "pinned", f"{PROGS}/xdp_swap").replace("\t", " ")[:200].split("\n")[0])


@scenario
def pins():
    for path in ("copy", "packets/progs/xdp_swap"):
        print(path, bpftool("map", "pin", "pinned", f"{MAPS}/structs", f"{PINS}/{path}", quiet=True).replace(PINS, "").strip())
    os.rename(f"{PINS}/copy", f"{PINS}/other")
    print(bpftool("map", "update", "pinned", f"{PINS}/other", "key", "9", "0", "0", "0", "value", *["1"] * 64))
    print("name" in bpftool("map", "dump", "pinned", f"{MAPS}/structs"))
    bpftool("map", "delete", "pinned", f"{MAPS}/structs", "key", "9", "0", "0", "0")
    os.unlink(f"{PINS}/other")
    print(attempt(pinned, "other"), sorted(os.listdir(PINS)))
    print(attempt(os.mkdir, f"{PINS}/d"), attempt(os.rmdir, f"{PINS}/d"), attempt(lambda: open(f"{PINS}/x", "w")))


@scenario
def test_runs():
    packet = bytes(range(12)) + b"\x08\x00" + bytes(50)
    with open("/tmp/hooks-packet", "wb") as file:
        file.write(packet)
    for program in ("xdp_swap", "xdp_grow", "tc_fill"):
        done = bpftool("prog", "run", "pinned", f"{PROGS}/{program}", "data_in", "/tmp/hooks-packet", "data_out", "-", "repeat", "3")
        print(program, done.split(", duration")[0])
    os.unlink("/tmp/hooks-packet")


@scenario
def tail_calls():
    log = Log("packets")
    packet = ctypes.create_string_buffer(64)

    class Options(ctypes.Structure):
        _fields_ = [("sz", ctypes.c_size_t), ("data_in", ctypes.c_void_p), ("data_out", ctypes.c_void_p), ("size_in", ctypes.c_uint),
                    ("size_out", ctypes.c_uint), ("ctx_in", ctypes.c_void_p), ("ctx_out", ctypes.c_void_p),
                    ("ctx_size_in", ctypes.c_uint), ("ctx_size_out", ctypes.c_uint), ("retval", ctypes.c_uint),
                    ("repeat", ctypes.c_int), ("duration", ctypes.c_uint), ("flags", ctypes.c_uint), ("cpu", ctypes.c_uint),
                    ("batch_size", ctypes.c_uint)]

    def run_first():
        options = Options(ctypes.sizeof(Options), ctypes.addressof(packet), None, 64)
        result = libbpf.bpf_prog_test_run_opts(pinned("packets/progs/jump_first"), ctypes.byref(options))
        return name(result), options.retval, [tag for tag, _ in log.take()]
    jumps = f"{MAPS}/jumps"
    print(run_first())
    for key, program in (("1", "jump_second"), ("2", "jump_third")):
        print(bpftool("map", "update", "pinned", jumps, "key", key, "0", "0", "0", "value", "pinned", f"{PROGS}/{program}"), run_first())
    print(bpftool("map", "delete", "pinned", jumps, "key", "1", "0", "0", "0"), run_first())
    print(bpftool("map", "update", "pinned", jumps, "key", "0", "0", "0", "0", "value", "pinned", f"{PROGS}/xdp_swap", quiet=True).strip())
    bpftool("map", "delete", "pinned", jumps, "key", "2", "0", "0", "0")


@scenario
def cgroup_tree():
    parent, child = cgroup("a"), cgroup("a", "b")
    must(attach(parent, "sock_create", "sockets/progs/create0", MULTI))
    must(attach(child, "bind4", "addresses/progs/bind4", OVERRIDE))

    def shown(entries):
        return [{key: value for key, value in entry.items() if key != "id"} for entry in entries]
    for path in (parent, child):
        for how in ((), ("effective",)):
            print(shown(json.loads(bpftool("--json", "cgroup", "show", path, *how) or "[]")))
    tree = json.loads(bpftool("--json", "cgroup", "tree", BASE))
    print([(entry["cgroup"].replace(BASE, ""), shown(entry["programs"])) for entry in tree])
    print(bpftool("cgroup", "attach", parent, "sock_create", "pinned", f"{PINS}/sockets/progs/create1", "override", quiet=True).strip())
    print(bpftool("cgroup", "detach", parent, "sock_create", "pinned", f"{PINS}/sockets/progs/create1", quiet=True).strip())
