"""Tracepoints of system calls: arguments, strings, the ring buffer, per-CPU counters."""
from lib import *


def load():
    path = f"{os.environ['HOOKS_OBJECTS']}/traces.bpf.o".encode()
    libbpf.bpf_object__load.argtypes = [ctypes.c_void_p]
    libbpf.bpf_object__find_program_by_name.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    libbpf.bpf_object__find_program_by_name.restype = ctypes.c_void_p
    libbpf.bpf_program__attach.argtypes = [ctypes.c_void_p]
    libbpf.bpf_program__attach.restype = ctypes.c_void_p
    libbpf.bpf_object__find_map_fd_by_name.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    libbpf.bpf_link__destroy.argtypes = [ctypes.c_void_p]
    handle = libbpf.bpf_object__open_file(path, None)
    must(libbpf.bpf_object__load(handle))
    return handle


def put(handle, index, value):
    fd = libbpf.bpf_object__find_map_fd_by_name(handle, b"watched")
    must(libbpf.bpf_map_update_elem(fd, ctypes.byref(ctypes.c_uint(index)), ctypes.byref(ctypes.c_uint(value)), ctypes.c_ulonglong(0)))


def attached(handle, *programs):
    links = [libbpf.bpf_program__attach(libbpf.bpf_object__find_program_by_name(handle, each.encode())) for each in programs]
    print([bool(each) for each in links])
    return links


def watched(handle, function):
    """Runs function in a process that is watched from its start."""
    go, start = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.read(go, 1)
        function()
        os._exit(0)
    put(handle, 0, pid)
    os.write(start, b"x")
    os.waitpid(pid, 0)
    put(handle, 0, 0)


def events(handle):
    kept = []
    sample = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)

    def take(_, data, size):
        raw = ctypes.string_at(data, size)
        kind, length, a, b, c, same, uid, gid, known = struct.unpack_from("IiqqqIIII", raw)
        kept.append((kind, length, a, b, c, same, uid, gid, known, raw[48:64].split(b"\0")[0], raw[64:128].split(b"\0")[0]))
        return 0
    callback = sample(take)
    libbpf.ring_buffer__new.restype = ctypes.c_void_p
    libbpf.ring_buffer__consume.argtypes = [ctypes.c_void_p]
    ring = libbpf.ring_buffer__new(libbpf.bpf_object__find_map_fd_by_name(handle, b"events"), callback, None, None)
    libbpf.ring_buffer__consume(ring)
    for each in kept:
        print(each)


@scenario
def arguments_and_strings():
    handle = load()
    attached(handle, "on_openat", "on_openat_exit", "on_mkdirat")

    def client():
        for path in (b"/etc/hostname", b"/nowhere/at/all", b"", b"x" * 100):
            fd = libc.open(path, os.O_RDONLY | os.O_CLOEXEC)
            if fd >= 0:
                os.close(fd)
        libc.syscall(257, -100, ctypes.c_void_p(8), 0, 0)
        libc.syscall(258, -100, b"/proc/new-directory", 0o750)
    watched(handle, client)
    events(handle)


@scenario
def execve_is_seen():
    handle = load()
    attached(handle, "on_execve")
    watched(handle, lambda: os.execv("/bin/true", ["a-name", "b"]))
    events(handle)


@scenario
def counted_calls():
    handle = load()
    put(handle, 1, 39)
    links = attached(handle, "count_calls")

    def client():
        for _ in range(100):
            libc.syscall(39)
    watched(handle, client)
    fd = libbpf.bpf_object__find_map_fd_by_name(handle, b"counts")
    cpus = libbpf.libbpf_num_possible_cpus()
    values = (ctypes.c_ulonglong * cpus)()
    print(name(libbpf.bpf_map_lookup_elem(fd, ctypes.byref(ctypes.c_uint(39)), values)), sum(values))
    libbpf.bpf_link__destroy(links[0])
    watched(handle, client)
    libbpf.bpf_map_lookup_elem(fd, ctypes.byref(ctypes.c_uint(39)), values)
    print(sum(values))
