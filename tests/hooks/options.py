"""setsockopt and getsockopt programs: each rule of their return values, lengths and order."""
import random

from lib import *

SET_LEVEL, SET_NAME, SET_LENGTH, SET_RETVAL, CALL_SET_RETVAL, SET_VALUE, ADD_VALUE, SET_BYTE, SET_LAST = (
    1 << bit for bit in range(9))
SOL_CUSTOM = 0xdead
SOL_IP, IP_TOS, IP_TTL = 0, 1, 2
SOL_SOCKET, SO_SNDBUF, SO_RCVBUF, SO_PRIORITY, SO_MARK, SO_KEEPALIVE, SO_TYPE = 1, 7, 8, 12, 36, 9, 3
TCP, TCP_CONGESTION, TCP_NODELAY, TCP_MAXSEG = 6, 13, 1, 2


def rule(index, does=0, level=0, name=0, length=0, retval=0, set_retval=0, value=0, verdict=1, match=(-1, -1)):
    Map("options/maps/rules", 40).put(index, struct.pack("I7i2I", does, match[0], match[1], level, name, length, retval,
                                                         set_retval, value & 0xffffffff, verdict))


def setopt(sock, level, optname, value, length=None):
    """The plain system call: 0 or the name of an errno."""
    length = len(value) if length is None else length
    buffer = ctypes.create_string_buffer(value, max(len(value), 1)) if value is not None else None
    fd = sock if isinstance(sock, int) else sock.fileno()
    return 0 if libc.setsockopt(fd, level, optname, buffer, length) == 0 else name(-ctypes.get_errno())


def getopt(sock, level, optname, length=4, size=None, null=False):
    """(result, length, bytes up to it); the buffer starts as 0xee."""
    size = max(length, 1) if size is None else size
    buffer = ctypes.create_string_buffer(b"\xee" * size, size)
    left = ctypes.c_int(length)
    fd = sock if isinstance(sock, int) else sock.fileno()
    result = libc.getsockopt(fd, level, optname, None if null else buffer, ctypes.byref(left))
    error = 0 if result == 0 else name(-ctypes.get_errno())
    return error, left.value, squeeze(buffer.raw)


def squeeze(raw):
    """Hexadecimal; a long value as its ends."""
    return raw.hex() if len(raw) <= 24 else f"{raw[:8].hex()}..{raw[-8:].hex()}/{len(raw)}"


def number(value):
    return struct.pack("i", value)


def with_programs(*programs):
    """A cgroup with the programs attached, by their names: set0, get1, ..."""
    path = cgroup("a")
    for program in programs:
        must(attach(path, f"{program[:3]}sockopt", f"options/progs/{program}", MULTI))
    return path


@scenario
def set_sees_and_allows():
    path, log = with_programs("set0"), Log("options")
    rule(0)

    def client():
        s, u = tcp(), udp()
        print(setopt(s, SOL_SOCKET, SO_SNDBUF, number(20000)), getopt(s, SOL_SOCKET, SO_SNDBUF))
        print(setopt(u, SOL_IP, IP_TOS, b"\x08"), getopt(u, SOL_IP, IP_TOS, 1))
        print(setopt(s, SOL_SOCKET, SO_SNDBUF, b"\1\2"), setopt(s, TCP, TCP_NODELAY, number(1)))
        print(setopt(s, 4711, 5, b"abcdefgh"), setopt(s, SOL_SOCKET, 9999, number(1)))
    inside(path, client)
    log.show()


@scenario
def set_rejects():
    path, log = with_programs("set0"), Log("options")
    rule(0, verdict=0, match=(SOL_IP, IP_TOS))

    def client():
        s = tcp()
        print(setopt(s, SOL_IP, IP_TOS, number(8)), getopt(s, SOL_IP, IP_TOS), setopt(s, SOL_IP, IP_TTL, number(9)))
        print(setopt(-1, SOL_IP, IP_TOS, number(8)), setopt(0, SOL_IP, IP_TOS, number(8)))
        print(setopt(s, SOL_IP, IP_TOS, number(8), -1), setopt(s, SOL_IP, IP_TOS, None, 4), setopt(s, SOL_IP, IP_TOS, b"", 0))
    inside(path, client)
    log.show()


@scenario
def set_retval_table():
    path, log = with_programs("set0"), Log("options")
    for retval in (0, -1, -13, -95, -4095, 1, 7, -4096, 100000):
        for verdict in (0, 1):
            rule(0, CALL_SET_RETVAL, set_retval=retval, verdict=verdict)

            def client():
                s = tcp()
                print(retval, verdict, setopt(s, SOL_IP, IP_TOS, number(8)), getopt(s, SOL_IP, IP_TOS))
            inside(path, client)
            log.show()


@scenario
def set_rewrites_value():
    path, log = with_programs("set0"), Log("options")
    rule(0, SET_VALUE, value=0x10)

    def client():
        s = tcp()
        value = ctypes.create_string_buffer(number(8), 4)
        print(libc.setsockopt(s.fileno(), SOL_IP, IP_TOS, value, 4), value.raw.hex(), getopt(s, SOL_IP, IP_TOS))
        print(setopt(s, SOL_IP, IP_TOS, b"\x04"), getopt(s, SOL_IP, IP_TOS))
    inside(path, client)
    log.show()


@scenario
def set_rewrites_level_and_name():
    path, log = with_programs("set0"), Log("options")

    def client():
        s = tcp()
        rule(0, SET_LEVEL | SET_NAME, level=SOL_IP, name=IP_TTL, match=(SOL_CUSTOM, -1))
        print(setopt(s, SOL_CUSTOM, 1, number(55)), getopt(s, SOL_IP, IP_TTL))
        rule(0, SET_NAME, name=SO_RCVBUF, match=(SOL_SOCKET, SO_SNDBUF))
        before = getopt(s, SOL_SOCKET, SO_SNDBUF)
        print(setopt(s, SOL_SOCKET, SO_SNDBUF, number(30000)), getopt(s, SOL_SOCKET, SO_SNDBUF) == before,
              getopt(s, SOL_SOCKET, SO_RCVBUF))
        rule(0, SET_LEVEL, level=4711, match=(SOL_SOCKET, SO_SNDBUF))
        print(setopt(s, SOL_SOCKET, SO_SNDBUF, number(30000)))
        rule(0, SET_LEVEL | SET_NAME | SET_LENGTH, level=SOL_IP, name=IP_TTL, length=0, match=(SOL_SOCKET, SO_SNDBUF))
        print(setopt(s, SOL_SOCKET, SO_SNDBUF, number(44)), getopt(s, SOL_IP, IP_TTL))
    inside(path, client)
    log.show()


@scenario
def set_length_table():
    path, log = with_programs("set0"), Log("options")
    for given in (0, 1, 4, 8, 64, 4095, 4096, 4097, 5000):
        for length in (-2, -1, 0, 1, 4, 8, given, given + 1, 4096, 4097, 5000, 100000):
            rule(0, SET_LENGTH, length=length)

            def client():
                s = tcp()
                print(given, length, setopt(s, SOL_IP, IP_TOS, number(0x20) + bytes(max(0, given - 4)), given),
                      getopt(s, SOL_IP, IP_TOS))
            inside(path, client)
    log.clear()


@scenario
def set_bypass():
    path, log = with_programs("set0"), Log("options")
    rule(0, SET_LENGTH | SET_VALUE, length=-1, value=3)

    def client():
        s = tcp()
        print(setopt(s, SOL_CUSTOM, 1, b"\1"), setopt(s, SOL_IP, IP_TOS, number(8)), getopt(s, SOL_IP, IP_TOS))
        print(setopt(s, SOL_CUSTOM, 1, b"", 0), setopt(s, SOL_CUSTOM, 1, bytes(9000)))
    inside(path, client)
    log.show()


@scenario
def set_large_values():
    path, log = with_programs("set0"), Log("options")
    tables = dict(allow=(0, 0), first=(SET_VALUE, 0), none=(SET_LENGTH | SET_VALUE, 0), page=(SET_LENGTH | SET_LAST, 4096),
                  four=(SET_LENGTH | SET_VALUE, 4), bypass=(SET_LENGTH, -1))

    def client():
        s = tcp()
        for how, (does, length) in tables.items():
            rule(0, does, length=length, value=0x14)
            for level, optname in ((SOL_IP, IP_TOS), (SOL_CUSTOM, 2), (TCP, TCP_CONGESTION)):
                value = number(0x18) + bytes(5996) if level != TCP else b"reno" + bytes(5996)
                print(how, level, setopt(s, level, optname, value), getopt(s, SOL_IP, IP_TOS),
                      getopt(s, TCP, TCP_CONGESTION, 16))
    inside(path, client)
    log.show()


@scenario
def set_child_before_parent():
    parent, child, log = cgroup("a"), cgroup("a", "b"), Log("options")
    must(attach(parent, "setsockopt", "options/progs/set0", MULTI))
    must(attach(child, "setsockopt", "options/progs/set1", MULTI))
    must(attach(child, "setsockopt", "options/progs/set2", MULTI))
    rule(0, ADD_VALUE, value=4)
    rule(1, SET_VALUE, value=0x20)
    rule(2, ADD_VALUE, value=8)

    def client():
        s = tcp()
        print(setopt(s, SOL_IP, IP_TOS, number(1)), getopt(s, SOL_IP, IP_TOS))
    inside(child, client)
    log.show()
    for which, does, verdict in ((0, 0, 0), (1, 0, 0), (1, CALL_SET_RETVAL, 0), (1, CALL_SET_RETVAL, 1),
                                 (1, SET_LENGTH, 1), (0, SET_LENGTH, 1)):
        for index in range(3):
            rule(index, does if index == which else 0, verdict=verdict if index == which else 1, set_retval=-13, length=-1)
        print("program", which, "does", does, "verdict", verdict)
        inside(child, client)
        log.show()


@scenario
def set_on_duplicated_and_inherited_sockets():
    path, log = with_programs("set0"), Log("options")
    rule(0, SET_VALUE, value=0x28)

    def client():
        s = tcp()
        twin = s.dup()
        print(setopt(twin, SOL_IP, IP_TOS, number(8)), getopt(s, SOL_IP, IP_TOS))
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            guarded(lambda: print("child", setopt(s, SOL_IP, IP_TOS, number(4)), getopt(twin, SOL_IP, IP_TOS)))
        os.waitpid(pid, 0)
        left, right = socket.socketpair()
        socket.send_fds(left, [b"x"], [s.fileno()])
        _, (received,), _, _ = socket.recv_fds(right, 1, 1)
        rule(0, SET_VALUE, value=0x48)
        print("passed", setopt(received, SOL_IP, IP_TOS, number(4)), getopt(s, SOL_IP, IP_TOS))
        print("unix", setopt(left, SOL_SOCKET, SO_PRIORITY, number(1)), getopt(left, SOL_SOCKET, SO_PRIORITY))
    inside(path, client)
    log.show()


@scenario
def set_on_accepted_socket():
    path, log = with_programs("set0"), Log("options")
    rule(0, SET_VALUE, value=0x30, match=(SOL_IP, IP_TOS))

    def client():
        listener, peer = tcp(), tcp()
        listener.bind(("127.0.0.1", 9001))
        listener.listen(1)
        peer.connect(("127.0.0.1", 9001))
        got, _ = listener.accept()
        print(setopt(got, SOL_IP, IP_TOS, number(8)), getopt(got, SOL_IP, IP_TOS), getopt(listener, SOL_IP, IP_TOS))
    inside(path, client)
    log.show()


@scenario
def get_sees_and_allows():
    path, log = with_programs("get0"), Log("options")
    rule(0 + 4)

    def client():
        s = tcp()
        print(getopt(s, SOL_SOCKET, SO_TYPE), getopt(s, SOL_SOCKET, SO_TYPE, 2), getopt(s, SOL_SOCKET, SO_TYPE, 8))
        print(getopt(s, SOL_SOCKET, SO_TYPE, 0), getopt(s, SOL_CUSTOM, 1), getopt(s, SOL_SOCKET, 9999))
        print(getopt(s, SOL_SOCKET, SO_TYPE, -1, 4), getopt(s, SOL_SOCKET, SO_TYPE, 4, null=True))
        print(getopt(s, SOL_CUSTOM, 1, -1, 4), getopt(s, SOL_CUSTOM, 1, 4, null=True), getopt(s, TCP, TCP_CONGESTION, 16))
        print(getopt(-1, SOL_SOCKET, SO_TYPE), getopt(0, SOL_SOCKET, SO_TYPE))
    inside(path, client)
    log.show()


@scenario
def get_rejects():
    path, log = with_programs("get0"), Log("options")
    rule(4, verdict=0, match=(SOL_SOCKET, SO_TYPE))

    def client():
        s = tcp()
        print(getopt(s, SOL_SOCKET, SO_TYPE), getopt(s, SOL_SOCKET, SO_TYPE, 0), getopt(s, SOL_IP, IP_TTL))
    inside(path, client)
    log.show()


@scenario
def get_retval_table():
    path, log = with_programs("get0"), Log("options")
    for level, optname in ((SOL_SOCKET, SO_TYPE), (SOL_CUSTOM, 7)):
        for does in (SET_RETVAL, CALL_SET_RETVAL):
            for retval in (0, -1, -13, -22, -92, -95, 5, -4095, -5000):
                for verdict in (0, 1):
                    rule(4, does, retval=retval, set_retval=retval, verdict=verdict)

                    def client():
                        print(level, does, retval, verdict, getopt(tcp(), level, optname))
                    inside(path, client)
                    log.show()


@scenario
def get_length_table():
    path, log = with_programs("get0"), Log("options")
    for level, optname in ((SOL_SOCKET, SO_TYPE), (SOL_CUSTOM, 7)):
        for given in (0, 1, 4, 8, 4096, 5000):
            for length in (-2, -1, 0, 1, 4, given, given + 1, 4096, 5000, 100000):
                rule(4, SET_LENGTH | SET_RETVAL | SET_BYTE, length=length, value=0x41)

                def client():
                    print(level, given, length, getopt(tcp(), level, optname, given))
                inside(path, client)
    log.clear()


@scenario
def get_overrides_custom_option():
    path, log = with_programs("get0"), Log("options")
    rule(4, SET_VALUE | SET_LENGTH | SET_RETVAL, value=42, length=4, match=(SOL_CUSTOM, -1))

    def client():
        s = tcp()
        for length in (0, 1, 2, 4, 8, 100, 5000):
            print(length, getopt(s, SOL_CUSTOM, 1, length))
        print(getopt(s, SOL_CUSTOM, 1, 8, null=True))
    inside(path, client)
    log.show()


@scenario
def get_large_values():
    path, log = with_programs("get0"), Log("options")
    tables = dict(allow=(0, 0), first=(SET_VALUE, 0), none=(SET_LENGTH | SET_VALUE, 0), page=(SET_LENGTH | SET_LAST, 4096),
                  four=(SET_LENGTH | SET_VALUE, 4), over=(SET_LENGTH, 4097))

    def client():
        s = tcp()
        for how, (does, length) in tables.items():
            for retval in (0, SET_RETVAL):
                rule(4, does | retval, length=length, value=0x41424344)
                for level, optname in ((SOL_SOCKET, SO_TYPE), (SOL_CUSTOM, 2), (TCP, TCP_CONGESTION)):
                    print(how, retval, level, getopt(s, level, optname, 6000))
    inside(path, client)
    log.show()


@scenario
def get_child_before_parent():
    parent, child, log = cgroup("a"), cgroup("a", "b"), Log("options")
    must(attach(parent, "getsockopt", "options/progs/get0", MULTI))
    must(attach(child, "getsockopt", "options/progs/get1", MULTI))
    must(attach(child, "getsockopt", "options/progs/get2", MULTI))
    cases = [
        ((ADD_VALUE, 4, 0, 1), (SET_VALUE, 0x20, 0, 1), (ADD_VALUE, 8, 0, 1)),
        ((0, 0, 0, 1), (CALL_SET_RETVAL, 0, -13, 1), (0, 0, 0, 1)),
        ((SET_RETVAL, 0, 0, 1), (CALL_SET_RETVAL, 0, -13, 1), (0, 0, 0, 1)),
        ((CALL_SET_RETVAL, 0, -14, 0), (CALL_SET_RETVAL, 0, -13, 0), (0, 0, 0, 1)),
        ((0, 0, 0, 1), (0, 0, 0, 0), (SET_VALUE, 7, 0, 1)),
        ((0, 0, 0, 0), (SET_LENGTH, 0, 2, 1), (SET_VALUE, 7, 0, 1)),
        ((0, 0, 0, 1), (SET_LENGTH, 0, 2, 1), (SET_VALUE, 7, 0, 1)),
    ]
    for case in cases:
        for index, (does, value, extra, verdict) in enumerate(case):
            rule(4 + index, does, value=value, set_retval=extra, retval=extra, length=extra, verdict=verdict)

        def client():
            s = tcp()
            print(getopt(s, SOL_IP, IP_TTL), getopt(s, SOL_CUSTOM, 1))
        inside(child, client)
        log.show()


@scenario
def both_ways():
    path = with_programs("set0", "get0")
    rule(0, SET_VALUE, value=100)
    rule(4, ADD_VALUE, value=1)

    def client():
        s = socket.socket()
        s.setsockopt(SOL_IP, IP_TTL, 64)
        print(s.getsockopt(SOL_IP, IP_TTL), s.getsockopt(SOL_IP, IP_TTL, 4).hex())
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
        print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))
    inside(path, client)


@scenario
def congestion_control_and_strings():
    path, log = with_programs("set0", "get0"), Log("options")
    rule(0, SET_VALUE | SET_LENGTH, value=int.from_bytes(b"reno", "little"), length=4, match=(TCP, TCP_CONGESTION))
    rule(4, SET_BYTE, value=ord("R"), match=(TCP, TCP_CONGESTION))

    def client():
        s = tcp()
        print(setopt(s, TCP, TCP_CONGESTION, b"cubic"), getopt(s, TCP, TCP_CONGESTION, 16))
        print(setopt(s, TCP, TCP_CONGESTION, b"nonsense"), getopt(s, TCP, TCP_CONGESTION, 3))
        print(setopt(s, SOL_SOCKET, 25, b"lo"), getopt(s, SOL_SOCKET, 25, 16))
        print(setopt(s, SOL_SOCKET, 13, struct.pack("ii", 1, 5)), getopt(s, SOL_SOCKET, 13, 8))
        print(setopt(s, SOL_SOCKET, 20, struct.pack("qq", 1, 0)), getopt(s, SOL_SOCKET, 20, 16))
    inside(path, client)
    log.show()


@scenario
def ipv6_and_udp_options():
    path, log = with_programs("set0", "get0"), Log("options")
    rule(0)
    rule(4)

    def client():
        s, u = tcp(socket.AF_INET6), udp(socket.AF_INET6)
        for sock in (s, u):
            print(setopt(sock, 41, 26, number(1)), getopt(sock, 41, 26), setopt(sock, 41, 16, number(7)), getopt(sock, 41, 16))
    inside(path, client)
    log.show()


@scenario
def options_of_connected_sockets():
    path, log = with_programs("get0"), Log("options")
    rule(4, match=(TCP, TCP_MAXSEG))

    def client():
        server = Server("s", ("127.0.0.1", 9002))
        s = tcp()
        s.connect(("127.0.0.1", 9002))
        print(getopt(s, TCP, TCP_MAXSEG)[:2])
        server.stop()
    inside(path, client)
    log.take()


@scenario
def random_set_rules():
    """200 rules of a parent and a child, chosen by a seed."""
    chance = random.Random(1)
    parent, child, log = cgroup("a"), cgroup("a", "b"), Log("options")
    must(attach(parent, "setsockopt", "options/progs/set0", MULTI))
    must(attach(child, "setsockopt", "options/progs/set1", MULTI))

    def client():
        for turn in range(200):
            s = socket.socket(chance.choice([socket.AF_INET, socket.AF_INET6]), chance.choice([1, 2]))
            for index in (0, 1):
                rule(index, chance.choice([0, 0, 1, 2, 3, 4, 16, 32, 36, 64, 100]) | chance.choice([0, 0, 0, 4, 16, 64]),
                     level=chance.choice([SOL_IP, SOL_SOCKET, SOL_CUSTOM]), name=chance.choice([IP_TOS, IP_TTL, SO_PRIORITY]),
                     length=chance.choice([-2, -1, 0, 1, 4, 8, 4096, 5000]), value=chance.choice([0, 4, 8, 255]),
                     set_retval=chance.choice([0, -1, -13, -22]), verdict=chance.choice([0, 1, 1, 1]))
            given = chance.choice([0, 1, 4, 8, 100, 4096, 4097, 6000])
            level, optname = chance.choice([(SOL_IP, IP_TOS), (SOL_IP, IP_TTL), (SOL_SOCKET, SO_PRIORITY), (SOL_CUSTOM, 1)])
            print(turn, setopt(s, level, optname, number(chance.choice([1, 8, 200])) + bytes(6000), given),
                  getopt(s, SOL_IP, IP_TOS), getopt(s, SOL_IP, IP_TTL), getopt(s, SOL_SOCKET, SO_PRIORITY))
            log.show()
            s.close()
    inside(child, client)


@scenario
def random_get_rules():
    chance = random.Random(2)
    parent, child, log = cgroup("a"), cgroup("a", "b"), Log("options")
    must(attach(parent, "getsockopt", "options/progs/get0", MULTI))
    must(attach(child, "getsockopt", "options/progs/get1", MULTI))

    def client():
        for turn in range(200):
            s = socket.socket(chance.choice([socket.AF_INET, socket.AF_INET6]), chance.choice([1, 2]))
            for index in (4, 5):
                rule(index, chance.choice([0, 0, 4, 8, 16, 32, 36, 40, 64, 44]) | chance.choice([0, 0, 0, 4, 8, 16, 64]),
                     length=chance.choice([-2, -1, 0, 1, 4, 8, 4096, 5000]), value=chance.choice([0, 4, 8, 255]),
                     retval=chance.choice([0, 0, -1, -13, -22]), set_retval=chance.choice([0, -1, -13, -22]),
                     verdict=chance.choice([0, 1, 1, 1]))
            given = chance.choice([0, 1, 4, 8, 100, 4096, 4097, 6000])
            level, optname = chance.choice([(SOL_IP, IP_TTL), (SOL_SOCKET, SO_TYPE), (SOL_SOCKET, SO_PRIORITY), (SOL_CUSTOM, 1)])
            print(turn, getopt(s, level, optname, given))
            log.show()
            s.close()
    inside(child, client)
