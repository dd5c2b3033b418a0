"""What the scenarios share: libbpf and libc as they are, cgroups, the log of the programs, and the registry.

A scenario is a function that prints lines. It runs in a process of its own, in a fresh cgroup; whatever it leaves
behind (processes, attachments, pins, cgroups) is removed after it. Lines hold nothing that differs between two runs
on one kernel: no ids, no ports that were not chosen here.
"""
import ctypes
import errno
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

CGROUPS = "/sys/fs/cgroup"
PINS = "/sys/fs/bpf/hooks"
BASE = f"{CGROUPS}/hooks-{os.getpid()}"

libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
libc = ctypes.CDLL(None, use_errno=True)
libbpf.bpf_object__open_file.restype = ctypes.c_void_p

# enum bpf_attach_type
TYPES = dict(sock_create=2, bind4=8, bind6=9, connect4=10, connect6=11, post_bind4=12, post_bind6=13, sendmsg4=14,
             sendmsg6=15, recvmsg4=19, recvmsg6=20, getsockopt=21, setsockopt=22, getpeername4=29, getpeername6=30,
             getsockname4=31, getsockname6=32, sock_release=34)
OVERRIDE, MULTI, REPLACE = 1, 2, 4

SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


def name(code):
    """An errno, or a result that is none, as text."""
    return errno.errorcode.get(-code, str(code)) if code < 0 else str(code)


def attempt(function, *arguments):
    """The result of a call, or the name of the errno it failed with."""
    try:
        result = function(*arguments)
    except TimeoutError as error:
        return errno.errorcode.get(error.errno, "timed out")
    except OSError as error:
        return name(-error.errno) if error.errno else "failed without an errno"
    return "ok" if result is None else result


# --- bpf(2) through libbpf: results are as libbpf 1.x gives them, -errno on failure.

def pinned(path):
    fd = libbpf.bpf_obj_get(f"{PINS}/{path}".encode())
    if fd < 0:
        raise OSError(-fd, f"no pin {path}")
    return fd


class AttachOptions(ctypes.Structure):
    _fields_ = [("sz", ctypes.c_size_t), ("flags", ctypes.c_uint), ("replace", ctypes.c_int)]


class UpdateOptions(ctypes.Structure):
    _fields_ = [("sz", ctypes.c_size_t), ("flags", ctypes.c_uint), ("old", ctypes.c_uint)]


def directory(path):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def attach(cgroup, kind, program, flags=0, replace=None):
    fd, target = pinned(program), directory(cgroup)
    other = pinned(replace) if replace else 0
    options = AttachOptions(ctypes.sizeof(AttachOptions), flags, other)
    result = libbpf.bpf_prog_attach_opts(fd, target, TYPES[kind], ctypes.byref(options))
    for used in (fd, target, other)[:3 if replace else 2]:
        os.close(used)
    return result


def detach(cgroup, kind, program):
    fd, target = pinned(program), directory(cgroup)
    result = libbpf.bpf_prog_detach2(fd, target, TYPES[kind])
    os.close(fd)
    os.close(target)
    return result


def must(result):
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def link(cgroup, kind, program):
    fd, target = pinned(program), directory(cgroup)
    result = libbpf.bpf_link_create(fd, target, TYPES[kind], None)
    os.close(fd)
    os.close(target)
    return result


def link_update(fd, program, old=None):
    new = pinned(program)
    options = UpdateOptions(ctypes.sizeof(UpdateOptions), REPLACE if old else 0, pinned(old) if old else 0)
    return libbpf.bpf_link_update(fd, new, ctypes.byref(options))


def query(cgroup, kind, effective=False):
    """(flags, number of programs), or -errno."""
    flags, count = ctypes.c_uint(0), ctypes.c_uint(64)
    ids = (ctypes.c_uint * 64)()
    target = directory(cgroup)
    result = libbpf.bpf_prog_query(target, TYPES[kind], 1 if effective else 0, ctypes.byref(flags), ids,
                                   ctypes.byref(count))
    os.close(target)
    return (flags.value, count.value) if result == 0 else name(result)


class Map:
    def __init__(self, path, value_size=None):
        self.fd, self.size = pinned(path), value_size

    def put(self, key, value, flags=0):
        return libbpf.bpf_map_update_elem(self.fd, ctypes.byref(ctypes.c_uint(key)), value, ctypes.c_ulonglong(flags))

    def get(self, key, size=None):
        value = ctypes.create_string_buffer(size or self.size)
        result = libbpf.bpf_map_lookup_elem(self.fd, ctypes.byref(ctypes.c_uint(key)), value)
        return value.raw if result == 0 else name(result)


class Log(Map):
    """The log of record.h."""
    WORDS, RECORDS = 15, 32
    SIZE = 4 + RECORDS * (WORDS + 1) * 4

    def __init__(self, family):
        super().__init__(f"{family}/maps/records", self.SIZE)
        self.clear()

    def clear(self):
        self.put(0, bytes(self.SIZE))

    def take(self):
        """[(tag, words)] and an empty log."""
        raw = self.get(0)
        self.clear()
        count = struct.unpack_from("I", raw)[0]
        each = [struct.unpack_from(f"{self.WORDS + 1}i", raw, 4 + at * (self.WORDS + 1) * 4) for at in range(count)]
        return [(words[0], words[1:]) for words in each]

    def tags(self):
        return "".join(chr(ord("A") + tag) for tag, _ in self.take()) or "-"

    def show(self, note=""):
        for tag, words in self.take():
            print(f"  {note}program {tag} saw", *("%x" % (word & 0xffffffff) for word in words))


def bpftool(*arguments, quiet=False):
    """Runs bpftool; its output without the lines that two versions of a kernel do not share."""
    done = subprocess.run(["bpftool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode and not quiet:
        print("bpftool", arguments[0], arguments[1], "->", done.returncode, done.stdout.strip())
    return done.stdout


# --- cgroups and processes

def cgroup(*parts):
    path = os.path.join(BASE, *parts)
    os.makedirs(path, exist_ok=True)
    return path


def join(path):
    with open(f"{path}/cgroup.procs", "w") as procs:
        procs.write(str(os.getpid()))


def inside(path, function, *arguments):
    """Runs function in a process of its own that is in the cgroup; waits for it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        guarded(lambda: (join(path), function(*arguments)))
    os.waitpid(child, 0)


def guarded(function):
    """The whole life of a forked process: runs function, reports an exception as a line, ends; dies with its parent."""
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    try:
        function()
    except BaseException as error:  # the process ends here, whatever it was
        trace = error.__traceback__
        while trace.tb_next:
            trace = trace.tb_next
        print(f"EXCEPTION {type(error).__name__}: {error} at line {trace.tb_lineno} of {trace.tb_frame.f_code.co_name}")
    sys.stdout.flush()
    os._exit(0)


def tcp(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_STREAM)


def udp(family=socket.AF_INET):
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.settimeout(3)
    return one


class Server:
    """A TCP server on addresses of the loopback that answers each connection with its name."""
    def __init__(self, text, address, family=socket.AF_INET):
        listener = tcp(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(8)
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            libc.prctl(1, signal.SIGKILL)
            while True:
                peer, _ = listener.accept()
                attempt(lambda: peer.sendall(text.encode() + peer.recv(64)))
                peer.close()
        listener.close()

    def stop(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


# --- the run of one scenario

SECONDS = 10


def members(path):
    try:
        with open(f"{path}/cgroup.procs") as procs:
            return [int(line) for line in procs]
    except OSError:
        return []


def sweep():
    """Kills who is left in the scenario's cgroups and removes these."""
    for top, _, _ in os.walk(BASE, topdown=False):
        for _ in range(50):
            for pid in members(top):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            try:
                os.rmdir(top)
                break
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)


def run(function):
    sys.stdout.flush()
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.close(out)
        os.dup2(into, 1)
        os.close(into)
        sys.stdout = os.fdopen(1, "w")
        signal.alarm(SECONDS)
        guarded(function)
    os.close(into)
    deadline = time.time() + SECONDS + 1
    lines = b""
    while time.time() < deadline:
        if select.select([out], [], [], 0.2)[0]:
            if not (part := os.read(out, 65536)):
                break
            lines += part
        elif os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
    os.close(out)
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        lines += b"EXCEPTION the scenario took too long\n"
    sweep()
    print(f"== {function.__module__}.{function.__name__}")
    print(lines.decode(errors="replace"), end="")


def main(wanted):
    for family in ("options", "addresses", "sockets", "traces", "packets"):
        os.makedirs(f"{PINS}/{family}", exist_ok=True)
    objects = os.environ["HOOKS_OBJECTS"]
    for family in ("options", "addresses", "sockets", "packets"):
        print(bpftool("prog", "loadall", f"{objects}/{family}.bpf.o", f"{PINS}/{family}/progs", "pinmaps",
                      f"{PINS}/{family}/maps"), end="")
    for one in SCENARIOS:
        label = f"{one.__module__}.{one.__name__}"
        if not wanted or any(part in label for part in wanted):
            run(one)
    subprocess.run(["rm", "-rf", PINS], check=False)
