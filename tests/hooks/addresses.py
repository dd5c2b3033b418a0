"""Programs on socket addresses: bind, connect, sendmsg, recvmsg, getsockname, getpeername over IPv4 and IPv6."""
import select
import threading

from lib import *

SET_ADDRESS, SET_PORT, SET_SOURCE, CALL_SET_RETVAL = 1, 2, 4, 8
INDEX = dict(bind4=0, bind6=1, connect4=2, connect6=3, sendmsg4=4, sendmsg6=5, recvmsg4=6, recvmsg6=7, getsockname4=8,
             getsockname6=9, getpeername4=10, getpeername6=11, bind4_parent=12, connect4_parent=13)
V4, V6 = socket.AF_INET, socket.AF_INET6


def packed(address):
    if address is None:
        return bytes(16)
    return socket.inet_pton(V6, address) if ":" in address else socket.inet_aton(address) + bytes(12)


def rule(program, does=None, address=None, port=None, source=None, set_retval=None, verdict=1):
    does = (SET_ADDRESS * (address is not None) | SET_PORT * (port is not None) | SET_SOURCE * (source is not None) |
            CALL_SET_RETVAL * (set_retval is not None))
    Map("addresses/maps/rules", 48).put(INDEX[program], struct.pack("I16s", does, packed(address)) +
                                        struct.pack("!I", (port or 0) << 16) + packed(source) +
                                        struct.pack("iI", set_retval or 0, verdict))


def with_programs(*programs):
    path = cgroup("a")
    for program in programs:
        rule(program)
        must(attach(path, program.split("_")[0], f"addresses/progs/{program}", MULTI))
    return path, Log("addresses")


def shown(address):
    """The address without an ephemeral port."""
    return (address[0], address[1] if address[1] < 32768 else "some port") if isinstance(address, tuple) else address


def bound(family, address, kind=socket.SOCK_STREAM, setup=None):
    s = socket.socket(family, kind)
    if setup:
        setup(s)
    result = attempt(s.bind, address)
    print(address, result, shown(s.getsockname()))
    return s


@scenario
def bind_sees_and_allows():
    path, log = with_programs("bind4", "bind6")

    def client():
        bound(V4, ("127.0.0.1", 9100))
        bound(V4, ("", 0))
        bound(V4, ("127.0.0.2", 9100), socket.SOCK_DGRAM)
        bound(V6, ("::1", 9100))
        bound(V6, ("::", 0), socket.SOCK_DGRAM)
        bound(V6, ("::ffff:127.0.0.1", 9101))
        bound(V4, ("192.0.2.1", 9100))
        again = bound(V4, ("127.0.0.1", 9103))
        print(attempt(again.bind, ("127.0.0.1", 9104)))
        bound(V4, ("127.0.0.1", 9103))
    inside(path, client)
    log.show()


@scenario
def bind_rejects():
    path, log = with_programs("bind4", "bind6")
    for verdict, retval in ((0, None), (0, -13), (1, -98), (0, 5), (1, 5), (2, None), (3, None)):
        rule("bind4", verdict=verdict, set_retval=retval)
        rule("bind6", verdict=verdict, set_retval=retval)

        def client():
            print(verdict, retval)
            bound(V4, ("127.0.0.1", 9100))
            bound(V6, ("::1", 9100), socket.SOCK_DGRAM)
        inside(path, client)
    log.show()


@scenario
def bind_rewrites():
    path, log = with_programs("bind4", "bind6")
    rule("bind4", address="127.0.0.3", port=9110)
    rule("bind6", address="::1", port=9111)

    def client():
        bound(V4, ("127.0.0.1", 9100))
        bound(V4, ("127.0.0.1", 9100))
        bound(V4, ("192.0.2.1", 0), socket.SOCK_DGRAM)
        bound(V6, ("::", 0))
        rule("bind4", address="192.0.2.1")
        bound(V4, ("127.0.0.1", 9100))
        rule("bind4", port=0)
        bound(V4, ("127.0.0.1", 9100))
        rule("bind4", port=9112)
        s = bound(V4, ("127.0.0.1", 0))
        s.listen(1)
        peer = tcp()
        peer.connect(("127.0.0.1", 9112))
        print("connected")
    inside(path, client)
    log.show()


@scenario
def bind_waives_privileged_ports():
    path, log = with_programs("bind4", "bind6")

    def client():
        tcp().close()  # a socket of the first user: by now the process is in its cgroup
        os.setresuid(65534, 65534, 65534)
        for verdict in (0, 1, 2, 3):
            os.write(*order[verdict])
            os.read(answer[0], 1)
            print(verdict)
            bound(V4, ("127.0.0.1", 99))
            bound(V6, ("::1", 99))
            bound(V4, ("127.0.0.1", 9100))
    asked, answer = os.pipe(), os.pipe()
    order = {verdict: (asked[1], bytes([verdict])) for verdict in range(4)}

    def serve():
        while verdict := os.read(asked[0], 1):
            rule("bind4", verdict=verdict[0])
            rule("bind6", verdict=verdict[0])
            os.write(answer[1], b"x")
    helper = os.fork()
    if helper == 0:
        guarded(serve)
    inside(path, client)
    os.kill(helper, signal.SIGKILL)
    log.show()


@scenario
def bind_odd_arguments():
    path, log = with_programs("bind4", "bind6")

    def raw(s, data, length):
        result = libc.bind(s.fileno(), data, length)
        return 0 if result == 0 else name(-ctypes.get_errno())

    def client():
        inet = struct.pack("HH4s8x", V4, 0, socket.inet_aton("127.0.0.1"))
        inet6 = struct.pack("HHI16sI", V6, 0, 0, socket.inet_pton(V6, "::1"), 0)
        for family in (V4, V6):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for data, length in ((inet, 16), (inet, 15), (inet, 8), (inet, 0), (inet, -1), (inet, 129), (inet6, 28),
                                     (inet6, 24), (inet6, 23), (None, 16), (bytes(28), 28), (b"\1\0" + bytes(14), 16)):
                    s = socket.socket(family, kind)
                    print(family, kind, data and data[0], length, raw(s, data, length))
                    s.close()
        print(libc.bind(-1, inet, 16), name(-ctypes.get_errno()), libc.bind(0, inet, 16), name(-ctypes.get_errno()))
        raw_socket = socket.socket(V4, socket.SOCK_RAW, 1)
        print("raw", attempt(raw_socket.bind, ("127.0.0.1", 0)))
        local = socket.socket(socket.AF_UNIX)
        print("unix", attempt(local.bind, "\0hooks"))
    inside(path, client)
    log.show()


@scenario
def bind_child_and_parent():
    parent, child, log = cgroup("a"), cgroup("a", "b"), Log("addresses")
    must(attach(parent, "bind4", "addresses/progs/bind4_parent", MULTI))
    must(attach(child, "bind4", "addresses/progs/bind4", MULTI))
    for first, second in ((dict(port=9120), dict(address="127.0.0.5")), (dict(port=9121), dict(port=9122)),
                          (dict(verdict=0), dict()), (dict(verdict=0), dict(set_retval=0)),
                          (dict(set_retval=-13, verdict=0), dict(verdict=0)), (dict(verdict=2), dict(verdict=1)),
                          (dict(), dict(verdict=0, set_retval=-111))):
        rule("bind4", **first)
        rule("bind4_parent", **second)
        inside(child, bound, V4, ("127.0.0.1", 9100))
        log.show()


@scenario
def connect_sees_and_allows():
    path, log = with_programs("connect4", "connect6")

    def client():
        four, six = Server("four", ("127.0.0.1", 9200)), Server("six", ("::1", 9200), V6)
        for family, address in ((V4, ("127.0.0.1", 9200)), (V6, ("::1", 9200)), (V6, ("::ffff:127.0.0.1", 9200)),
                                (V4, ("127.0.0.1", 9201)), (V6, ("::1", 9201))):
            s = tcp(family)
            print(address, attempt(s.connect, address), shown(attempt(s.getpeername)))
        s = tcp()
        s.connect(("127.0.0.1", 9200))
        print("again", attempt(s.connect, ("127.0.0.1", 9200)))
        s.sendall(b"!")
        print(s.recv(64))
        u = udp()
        print("udp", attempt(u.connect, ("127.0.0.1", 9202)), u.getpeername(), attempt(u.connect, ("127.0.0.1", 9203)))
        unspecified = struct.pack("H14x", 0)
        print("dissolved", libc.connect(u.fileno(), unspecified, 16), attempt(u.getpeername))
        four.stop()
        six.stop()
    inside(path, client)
    log.show()


@scenario
def connect_rejects():
    path, log = with_programs("connect4", "connect6")
    for verdict, retval in ((0, None), (0, -13), (1, -111), (0, 7), (1, 7)):
        rule("connect4", verdict=verdict, set_retval=retval)
        rule("connect6", verdict=verdict, set_retval=retval)

        def client():
            server = Server("s", ("127.0.0.1", 9210))
            for s, address in ((tcp(), ("127.0.0.1", 9210)), (udp(), ("127.0.0.1", 9211)), (udp(V6), ("::1", 9211))):
                print(verdict, retval, attempt(s.connect, address), shown(attempt(s.getpeername)))
            server.stop()
        inside(path, client)
        log.show()


@scenario
def connect_rewrites_tcp():
    path, log = with_programs("connect4", "connect6")
    rule("connect4", address="127.0.0.1", port=9220)
    rule("connect6", address="::1", port=9220)

    def client():
        four, six = Server("four", ("127.0.0.1", 9220)), Server("six", ("::1", 9220), V6)
        for family, address in ((V4, ("192.0.2.7", 80)), (V6, ("2001:db8::1", 443)), (V6, ("::ffff:192.0.2.1", 80))):
            s = tcp(family)
            print(address, attempt(s.connect, address), shown(attempt(s.getpeername)))
            s.sendall(b" hello")
            print(s.recv(64), s.recv(64))
        rule("connect4", port=9221)
        print(attempt(tcp().connect, ("127.0.0.1", 9220)))
        rule("connect4", address="127.0.0.1")
        print(attempt(tcp().connect, ("192.0.2.1", 9220)))
        four.stop()
        six.stop()
    inside(path, client)
    log.show()


@scenario
def connect_without_blocking():
    path, log = with_programs("connect4")
    rule("connect4", address="127.0.0.1", port=9230)

    def client():
        server = Server("s", ("127.0.0.1", 9230))
        s = tcp()
        s.setblocking(False)
        result = s.connect_ex(("192.0.2.7", 80))
        print(result in (0, errno.EINPROGRESS))
        print(bool(select.select([], [s], [], 5)[1]), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.getpeername())
        again = s.connect_ex(("192.0.2.7", 80))
        print("again", again and errno.errorcode[again])
        rule("connect4", address="127.0.0.1", port=9231)
        t = tcp()
        t.setblocking(False)
        t.connect_ex(("192.0.2.7", 80))
        print(bool(select.select([], [t], [], 5)[1]), t.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        rule("connect4", verdict=0)
        v = tcp()
        v.setblocking(False)
        print(errno.errorcode[v.connect_ex(("192.0.2.7", 80))])
        w = tcp()
        w.settimeout(1)
        rule("connect4", address="127.0.0.1", port=9230)
        print("with a timeout", attempt(w.connect, ("192.0.2.7", 80)), w.getpeername())
        server.stop()
    inside(path, client)
    log.tags()


@scenario
def connect_rewrites_udp():
    path, log = with_programs("connect4", "connect6")
    rule("connect4", address="127.0.0.1", port=9240)
    rule("connect6", address="::1", port=9240)

    def client():
        four, six = udp(), udp(V6)
        four.bind(("127.0.0.1", 9240))
        six.bind(("::1", 9240))
        for server, family, address in ((four, V4, ("192.0.2.1", 53)), (six, V6, ("2001:db8::1", 53))):
            u = udp(family)
            print(attempt(u.connect, address), u.getpeername()[:2])
            u.send(b"ask")
            data, peer = server.recvfrom(64)
            server.sendto(data + b"ed", peer)
            print(u.recv(64))
        u = udp(V6)
        print("a v4 address on a v6 socket", attempt(lambda: 0 if libc.connect(u.fileno(), struct.pack(
            "!2sH4s8x", b"\2\0", 53, socket.inet_aton("192.0.2.1")), 16) == 0 else name(-ctypes.get_errno())),
            attempt(lambda: u.getpeername()[:2]))
    inside(path, client)
    log.show()


@scenario
def connect_odd_arguments():
    path, log = with_programs("connect4", "connect6")

    def raw(s, data, length):
        return 0 if libc.connect(s.fileno(), data, length) == 0 else name(-ctypes.get_errno())

    def client():
        inet = struct.pack("!2sH4s8x", b"\2\0", 9250, socket.inet_aton("127.0.0.1"))
        inet6 = struct.pack("!2sHI16sI", b"\x0a\0", 9250, 0, socket.inet_pton(V6, "::1"), 0)
        for family in (V4, V6):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for data, length in ((inet, 16), (inet, 15), (inet, 2), (inet, 1), (inet, 0), (inet, -1), (inet, 129),
                                     (inet6, 28), (inet6, 24), (inet6, 23), (None, 16), (b"\1\0" + bytes(14), 16)):
                    s = socket.socket(family, kind)
                    print(family, kind, data and data[0], length, raw(s, data, length))
                    s.close()
        left, right = socket.socketpair()
        print("unix", attempt(socket.socket(socket.AF_UNIX).connect, "\0nobody-listens"))
    inside(path, client)
    log.show()


@scenario
def connect_child_and_parent():
    parent, child, log = cgroup("a"), cgroup("a", "b"), Log("addresses")
    must(attach(parent, "connect4", "addresses/progs/connect4_parent", MULTI))
    must(attach(child, "connect4", "addresses/progs/connect4", MULTI))

    def client():
        server = Server("s", ("127.0.0.1", 9260))
        for first, second in ((dict(port=9260), dict(address="127.0.0.1")), (dict(verdict=0), dict(port=9260)),
                              (dict(set_retval=-1), dict(set_retval=0, port=9260)), (dict(port=9260), dict(verdict=0))):
            rule("connect4", **first)
            rule("connect4_parent", **second)
            s = tcp()
            print(first, second, attempt(s.connect, ("127.0.0.1", 9999)), shown(attempt(s.getpeername)))
        server.stop()
    inside(child, client)
    log.show()


def echo_pair(family, address):
    server, client = udp(family), udp(family)
    server.bind(address)
    return server, client


@scenario
def sendmsg_sees_and_allows():
    path, log = with_programs("sendmsg4", "sendmsg6")

    def client():
        for family, address in ((V4, ("127.0.0.1", 9300)), (V6, ("::1", 9300))):
            server, u = echo_pair(family, address)
            print(u.sendto(b"one", address), server.recv(64))
            print(u.sendmsg([b"t", b"wo"], [], 0, address), server.recv(64))
            print(u.sendto(b"", address), server.recv(64))
            u.connect(address)
            print(u.send(b"three"), server.recv(64), u.sendmsg([b"four"]), server.recv(64))
            print(attempt(u.sendto, b"five", address), attempt(server.recv, 64))
            server.close()
        six = udp(V6)
        server, _ = echo_pair(V4, ("127.0.0.1", 9301))
        print("mapped", six.sendto(b"m", ("::ffff:127.0.0.1", 9301)), server.recv(64))
    inside(path, client)
    log.show()


@scenario
def sendmsg_rejects():
    path, log = with_programs("sendmsg4", "sendmsg6")

    def client():
        for verdict, retval in ((0, None), (0, -13), (1, -90), (1, 3)):
            rule("sendmsg4", verdict=verdict, set_retval=retval)
            rule("sendmsg6", verdict=verdict, set_retval=retval)
            for family, address in ((V4, ("127.0.0.1", 9310)), (V6, ("::1", 9310))):
                u = udp(family)
                print(verdict, retval, attempt(u.sendto, b"x", address), attempt(u.sendmsg, [b"xy"], [], 0, address))
    inside(path, client)
    log.show()


@scenario
def sendmsg_rewrites():
    path, log = with_programs("sendmsg4", "sendmsg6")
    rule("sendmsg4", address="127.0.0.1", port=9320)
    rule("sendmsg6", address="::1", port=9320)

    def client():
        for family, bind, address in ((V4, ("127.0.0.1", 9320), ("192.0.2.1", 53)), (V6, ("::1", 9320), ("2001:db8::1", 53))):
            server, u = echo_pair(family, bind)
            print(u.sendto(b"one", address), server.recv(64))
            print(u.sendmsg([b"t", b"wo"], [], 0, address), server.recv(64))
            server.close()
        rule("sendmsg6", address="::ffff:127.0.0.1", port=9320)
        u = udp(V6)
        print("mapped", attempt(u.sendto, b"x", ("2001:db8::1", 53)))
    inside(path, client)
    log.show()


@scenario
def sendmsg_sets_source():
    path, log = with_programs("sendmsg4", "sendmsg6")
    rule("sendmsg4", source="127.0.0.9")
    rule("sendmsg6", source="::1")

    def client():
        server, u = echo_pair(V4, ("127.0.0.1", 9330))
        print(u.sendto(b"x", ("127.0.0.1", 9330)), server.recvfrom(64)[1][0])
        rule("sendmsg4", source="192.0.2.1")
        print(attempt(u.sendto, b"x", ("127.0.0.1", 9330)))
        server6, u6 = echo_pair(V6, ("::1", 9330))
        print(attempt(u6.sendto, b"x", ("::1", 9330)), server6.recvfrom(64)[1][0])
    inside(path, client)
    log.show()


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("name_length", ctypes.c_uint), ("vector", ctypes.POINTER(Vector)),
                ("vectors", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("padding", ctypes.c_int), ("count", ctypes.c_uint)]


def mmsg(*messages):
    headers = (Header * len(messages))()
    for header, (data, address) in zip(headers, messages):
        header.name, header.name_length = address, len(address or b"")
        header.vector, header.vectors = ctypes.pointer(Vector(data, len(data))), 1
    return headers


@scenario
def sendmmsg():
    path, log = with_programs("sendmsg4")

    def client():
        here = struct.pack("!2sH4s8x", b"\2\0", 9340, socket.inet_aton("127.0.0.1"))
        there = struct.pack("!2sH4s8x", b"\2\0", 53, socket.inet_aton("127.0.0.1"))
        server, u = echo_pair(V4, ("127.0.0.1", 9340))
        messages = mmsg((b"one", here), (b"three", here))
        print(libc.sendmmsg(u.fileno(), messages, 2, 0), messages[0].count, messages[1].count, server.recv(9), server.recv(9))
        rule("sendmsg4", port=9340)
        messages = mmsg((b"a", there), (b"bc", there), (b"def", there))
        print(libc.sendmmsg(u.fileno(), messages, 3, 0), [m.count for m in messages], [server.recv(9) for _ in range(3)])
        rule("sendmsg4", verdict=0)
        messages = mmsg((b"a", there), (b"bc", there))
        print(libc.sendmmsg(u.fileno(), messages, 2, 0), name(-ctypes.get_errno()), [m.count for m in messages])
    inside(path, client)
    log.show()


@scenario
def recvmsg_sees_and_rewrites():
    path, log = with_programs("recvmsg4", "recvmsg6")

    def client():
        for family, bind, program, fake in ((V4, ("127.0.0.1", 9400), "recvmsg4", "192.0.2.99"),
                                            (V6, ("::1", 9400), "recvmsg6", "2001:db8::99")):
            server, u = echo_pair(family, bind)
            u.bind((bind[0], 9401))
            for step in ("plain", "rewritten"):
                if step == "rewritten":
                    rule(program, address=fake, port=4242)
                for _ in range(4):
                    u.sendto(b"data", bind)
                print(step, server.recvfrom(64))
                data, control, flags, address = server.recvmsg(64)
                print(step, data, control, flags, address)
                print(step, server.recv(64))
                buffer = bytearray(2)
                print(step, server.recvmsg_into([buffer]))
            server.close()
    inside(path, client)
    log.show()


@scenario
def recvmsg_details():
    path, log = with_programs("recvmsg4")
    rule("recvmsg4", address="192.0.2.5", port=55)

    def client():
        server, u = echo_pair(V4, ("127.0.0.1", 9410))
        u.bind(("127.0.0.1", 9411))
        u.sendto(b"peeked", ("127.0.0.1", 9410))
        print(server.recvfrom(3, socket.MSG_PEEK), server.recvfrom(64, socket.MSG_PEEK | socket.MSG_TRUNC), server.recvfrom(64))
        server.setblocking(False)
        print(attempt(server.recvfrom, 10), attempt(server.recvmsg, 10))
        server.settimeout(0.1)
        print(attempt(server.recvfrom, 10))
        server.settimeout(5)
        threading.Timer(0.1, lambda: u.sendto(b"late", ("127.0.0.1", 9410))).start()
        print(server.recvfrom(10))
        u.sendto(b"short", ("127.0.0.1", 9410))
        for room in (0, 3, 8, 16, 32):
            u.sendto(b"x", ("127.0.0.1", 9410))
            data, address, length = ctypes.create_string_buffer(8), ctypes.create_string_buffer(b"\xee" * 32, 32), ctypes.c_int(room)
            print(room, libc.recvfrom(server.fileno(), data, 8, 0, address, ctypes.byref(length)), length.value, address.raw.hex())
        print(libc.recvfrom(server.fileno(), data, 8, socket.MSG_DONTWAIT, address, ctypes.byref(ctypes.c_int(-1))), name(-ctypes.get_errno()))
        print(libc.recvfrom(server.fileno(), data, 8, socket.MSG_DONTWAIT, None, None), data.raw[:1])
        u.connect(("127.0.0.1", 9410))
        server.sendto(b"to a connected one", ("127.0.0.1", 9411))
        print(u.recvfrom(64))
    inside(path, client)
    log.show()


@scenario
def recvmmsg():
    path, log = with_programs("recvmsg4")
    rule("recvmsg4", address="192.0.2.5", port=55)

    def client():
        server, u = echo_pair(V4, ("127.0.0.1", 9420))
        u.bind(("127.0.0.1", 9421))
        for text in (b"a", b"bc", b"def"):
            u.sendto(text, ("127.0.0.1", 9420))
        names = [ctypes.create_string_buffer(16) for _ in range(3)]
        headers = mmsg(*((bytes(8), bytes(16)) for _ in range(3)))
        for header, buffer in zip(headers, names):
            header.name = ctypes.cast(buffer, ctypes.c_char_p)
            header.name_length = 16
        print(libc.recvmmsg(server.fileno(), headers, 3, 0, None), [h.count for h in headers], [n.raw[:8].hex() for n in names])
    inside(path, client)
    log.show()


@scenario
def names_of_sockets():
    path, log = with_programs("getsockname4", "getsockname6", "getpeername4", "getpeername6")

    four, six = Server("four", ("127.0.0.1", 9500)), Server("six", ("::1", 9500), V6)

    def client():
        for step in ("plain", "rewritten"):
            if step == "rewritten":
                rule("getsockname4", address="192.0.2.10", port=10)
                rule("getsockname6", address="2001:db8::10", port=10)
                rule("getpeername4", address="192.0.2.11", port=11)
                rule("getpeername6", address="2001:db8::11", port=11)
            for family, address, port in ((V4, ("127.0.0.1", 9500), 9501), (V6, ("::1", 9500), 9502)):
                s = tcp(family)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                print(step, s.getsockname(), attempt(s.getpeername))
                s.bind((address[0], port))
                s.connect(address)
                print(step, s.getsockname(), s.getpeername())
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
        u = udp()
        u.bind(("127.0.0.1", 9503))
        u.connect(("127.0.0.1", 9500))
        print(shown(u.getsockname()), u.getpeername())
        for room in (0, 3, 16, 40):
            address, length = ctypes.create_string_buffer(b"\xee" * 40, 40), ctypes.c_int(room)
            print(room, libc.getpeername(u.fileno(), address, ctypes.byref(length)), length.value, address.raw.hex())
        print(libc.getpeername(u.fileno(), address, ctypes.byref(ctypes.c_int(-1))), name(-ctypes.get_errno()))
        print(libc.getpeername(u.fileno(), None, ctypes.byref(ctypes.c_int(16))), name(-ctypes.get_errno()))
        left, right = socket.socketpair()
        print(repr(left.getpeername()), libc.getpeername(0, address, ctypes.byref(ctypes.c_int(16))), name(-ctypes.get_errno()))
    inside(path, client)
    four.stop()
    six.stop()
    log.show()


@scenario
def service_address():
    """All hooks together, as a load balancer uses them: the client sees only the address it asked for."""
    path, log = with_programs("connect4", "getpeername4", "sendmsg4", "recvmsg4")
    rule("connect4", address="127.0.0.1", port=9510)
    rule("sendmsg4", address="127.0.0.1", port=9511)
    rule("getpeername4", address="10.1.2.3", port=80)
    rule("recvmsg4", address="10.1.2.3", port=53)

    server = Server("web ", ("127.0.0.1", 9510))

    def client():
        s = socket.create_connection(("10.1.2.3", 80), 3)
        s.sendall(b"request")
        print(s.getpeername(), s.recv(64))
        backend = udp()
        backend.bind(("127.0.0.1", 9511))
        u = udp()
        u.sendto(b"query", ("10.1.2.3", 53))
        rule("recvmsg4")
        data, peer = backend.recvfrom(64)
        rule("sendmsg4")
        backend.sendto(b"answer", peer)
        rule("recvmsg4", address="10.1.2.3", port=53)
        print(u.recvfrom(64))
    inside(path, client)
    server.stop()
    print(log.tags())
