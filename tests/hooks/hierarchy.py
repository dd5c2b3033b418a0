"""The rules of the hierarchy: who may attach where, what runs in which order, and how attachments end."""
import itertools

from lib import *

FLAGS = {"none": 0, "override": OVERRIDE, "multi": MULTI}


def program(index):
    return f"sockets/progs/create{index}"


def rules(**verdicts):
    table = Map("sockets/maps/rules", 24)
    for index in range(4):
        table.put(index, struct.pack("IIIIiI", 0, 0, 0, 0, 0, verdicts.get(f"v{index}", 1)))


def order(path, log):
    """Which programs run, in order, when a process of the cgroup makes a socket."""
    log.clear()
    inside(path, lambda: attempt(tcp))
    return log.tags()


@scenario
def flags_of_parent_and_child():
    log = Log("sockets")
    rules()
    for first, second, third in itertools.product(FLAGS, FLAGS, ("none", "multi")):
        parent, child, leaf = cgroup("a"), cgroup("a", "b"), cgroup("a", "b", "c")
        results = [attach(parent, "sock_create", program(0), FLAGS[first]),
                   attach(child, "sock_create", program(1), FLAGS[second]),
                   attach(leaf, "sock_create", program(2), FLAGS[third])]
        print(first, second, third, *map(name, results), *(order(each, log) for each in (parent, child, leaf)),
              [query(each, "sock_create") for each in (parent, child, leaf)],
              [query(each, "sock_create", True) for each in (parent, child, leaf)])
        for each, index in ((leaf, 2), (child, 1), (parent, 0)):
            detach(each, "sock_create", program(index))


@scenario
def child_first_then_parent():
    log = Log("sockets")
    rules()
    for first, second in itertools.product(FLAGS, FLAGS):
        parent, child = cgroup("a"), cgroup("a", "b")
        print(first, second, name(attach(child, "sock_create", program(1), FLAGS[second])),
              name(attach(parent, "sock_create", program(0), FLAGS[first])), order(child, log), order(parent, log),
              name(detach(parent, "sock_create", program(0))), order(child, log), name(detach(child, "sock_create", program(1))),
              order(child, log))


@scenario
def several_in_one_cgroup():
    path, log = cgroup("a"), Log("sockets")
    rules()
    for flags in FLAGS:
        print(flags, *(name(attach(path, "sock_create", program(index), FLAGS[flags])) for index in (0, 1, 1, 2)), order(path, log))
        print(*(name(attach(path, "sock_create", program(3), other)) for other in FLAGS.values()), order(path, log))
        print(*(name(detach(path, "sock_create", program(index))) for index in (1, 1, 0, 2, 3)), order(path, log))


@scenario
def replace_in_place():
    path, log = cgroup("a"), Log("sockets")
    rules()
    for index in (0, 1, 2):
        must(attach(path, "sock_create", program(index), MULTI))
    print(order(path, log), name(attach(path, "sock_create", program(3), MULTI | REPLACE, program(1))), order(path, log))
    print(name(attach(path, "sock_create", program(3), MULTI | REPLACE, program(1))),
          name(attach(path, "sock_create", program(3), MULTI | REPLACE, program(3))),
          name(attach(path, "sock_create", program(1), REPLACE, program(3))),
          name(attach(path, "sock_create", program(1), MULTI, program(3))), order(path, log))


@scenario
def all_must_allow():
    parent, child, log = cgroup("a"), cgroup("a", "b"), Log("sockets")
    must(attach(parent, "sock_create", program(0), MULTI))
    must(attach(child, "sock_create", program(1), MULTI))
    must(attach(child, "sock_create", program(2), MULTI))
    for verdicts in itertools.product((0, 1), repeat=3):
        rules(v0=verdicts[0], v1=verdicts[1], v2=verdicts[2])
        inside(child, lambda: print(verdicts, attempt(lambda: tcp().family)))
        print(log.tags())


@scenario
def wrong_requests():
    path = cgroup("a")
    print(name(attach(path, "bind4", program(0))), name(attach(path, "sock_create", "sockets/progs/bound4")),
          name(attach(path, "sock_create", program(0), 3)), name(attach(path, "sock_create", program(0), 1 << 20)))
    fd = pinned(program(0))
    print(name(libbpf.bpf_prog_attach(fd, -1, TYPES["sock_create"], 0)), name(libbpf.bpf_prog_attach(-1, directory(path), 2, 0)),
          name(libbpf.bpf_prog_attach(fd, directory("/"), 2, 0)), name(libbpf.bpf_prog_attach(fd, directory(path), 999, 0)),
          name(libbpf.bpf_prog_detach2(fd, directory(path), 2)), name(libbpf.bpf_link_create(fd, directory("/"), 2, None)),
          name(libbpf.bpf_link_create(fd, directory(path), TYPES["bind4"], None)))


@scenario
def links_end_with_their_last_fd():
    path, log = cgroup("a"), Log("sockets")
    rules()
    first, second = link(path, "sock_create", program(0)), link(path, "sock_create", program(1))
    twin = os.dup(first)
    print(order(path, log), query(path, "sock_create"))
    os.close(first)
    print(order(path, log))
    os.close(twin)
    print(order(path, log), name(attach(path, "sock_create", program(2), 0)), name(attach(path, "sock_create", program(2), MULTI)),
          order(path, log), name(detach(path, "sock_create", program(1))))
    os.close(second)
    print(order(path, log))


@scenario
def links_updated_detached_pinned():
    path, log = cgroup("a"), Log("sockets")
    rules()
    one = link(path, "sock_create", program(0))
    print(order(path, log), name(link_update(one, program(1))), order(path, log), name(link_update(one, program(2), program(0))),
          name(link_update(one, program(2), program(1))), order(path, log), name(link_update(one, "sockets/progs/bound4")))
    pin = f"{PINS}/link".encode()
    print(name(libbpf.bpf_obj_pin(one, pin)), name(libbpf.bpf_obj_pin(one, pin)))
    os.close(one)
    print(order(path, log))
    again = libbpf.bpf_obj_get(pin)
    os.unlink(pin)
    print(order(path, log), name(libbpf.bpf_link_detach(again)), order(path, log), name(libbpf.bpf_link_detach(again)),
          name(link_update(again, program(0))))
    os.close(again)


@scenario
def link_of_a_process_that_dies():
    path, log = cgroup("a"), Log("sockets")
    rules()
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        link(path, "sock_create", program(0))
        os.write(tell, b"x")
        signal.pause()
    os.read(ready, 1)
    print(order(path, log))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print(order(path, log))


@scenario
def processes_and_their_sockets_move():
    first, second, log = cgroup("a"), cgroup("b"), Log("options")
    must(attach(first, "setsockopt", "options/progs/set0", MULTI))
    must(attach(second, "setsockopt", "options/progs/set1", MULTI))
    table = Map("options/maps/rules", 40)
    for index in (0, 1):
        table.put(index, struct.pack("I7i2I", 0, -1, -1, 0, 0, 0, 0, 0, 0, 1))

    def client():
        old = tcp()
        old.setsockopt(0, 1, 8)
        join(second)
        old.setsockopt(0, 1, 16)
        new = tcp()
        new.setsockopt(0, 1, 16)
        sys.stdout.flush()
        if os.fork() == 0:
            guarded(lambda: (old.setsockopt(0, 1, 1), new.setsockopt(0, 1, 1), tcp().setsockopt(0, 1, 1)))
        os.wait()
        join(BASE)
        old.setsockopt(0, 1, 32)
        new.setsockopt(0, 1, 32)
        tcp().setsockopt(0, 1, 32)
    inside(first, client)
    print(log.tags())


@scenario
def membership_is_inherited():
    path, deep, log = cgroup("a"), cgroup("a", "b"), Log("sockets")
    rules()
    must(attach(path, "sock_create", program(0), MULTI))

    def client():
        sys.stdout.flush()
        subprocess.run(["/usr/bin/python3", "-c", "import socket; socket.socket()"], check=True)
        subprocess.run("sh -c 'python3 -S -c \"import socket; socket.socket()\"' & wait", shell=True, check=True)
        print(open("/proc/self/cgroup").read().strip().rsplit("/hooks-", 1)[1].split("/", 1)[1])
    inside(deep, client)
    print(log.tags(), attempt(os.rmdir, path), attempt(os.rmdir, deep), open(f"{path}/cgroup.events").read().split())


@scenario
def detach_while_in_use():
    path, log = cgroup("a"), Log("sockets")
    rules(v0=0)

    def client():
        seen = set()
        for _ in range(30):
            must(attach(path, "sock_create", program(0), MULTI))
            seen.add(attempt(lambda: tcp().family))
            must(detach(path, "sock_create", program(0)))
            seen.add(int(attempt(lambda: tcp().family)))
        print(sorted(map(str, seen)))
    inside(path, client)
    log.clear()


@scenario
def removed_cgroup():
    path, log = cgroup("a", "b"), Log("options")
    must(attach(path, "setsockopt", "options/progs/set0", MULTI))
    Map("options/maps/rules", 40).put(0, struct.pack("I7i2I", 0, -1, -1, 0, 0, 0, 0, 0, 0, 0))

    def client():
        s = tcp()
        print(attempt(s.setsockopt, 0, 1, 8))
        join(BASE)
        print(attempt(os.rmdir, path), attempt(tcp().setsockopt, 0, 1, 8))
    inside(path, client)
    print(log.tags())
