"""sock_create, sock_release, post_bind: the life of a socket."""
from lib import *

SET_MARK, SET_PRIORITY, SET_DEVICE, CALL_SET_RETVAL = 1, 2, 4, 8
INDEX = dict(create0=0, release0=4, bound4=5, bound6=6, bound4_parent=7)
KIND = dict(create0="sock_create", release0="sock_release", bound4="post_bind4", bound6="post_bind6", bound4_parent="post_bind4")


def rule(program, does=0, mark=0, priority=0, device=0, set_retval=0, verdict=1):
    Map("sockets/maps/rules", 24).put(INDEX[program], struct.pack("IIIIiI", does, mark, priority, device, set_retval, verdict))


def with_programs(*programs):
    path = cgroup("a")
    for program in programs:
        rule(program)
        must(attach(path, KIND[program], f"sockets/progs/{program}", MULTI))
    return path, Log("sockets")


KINDS = ((2, 1, 0), (2, 2, 0), (10, 1, 6), (10, 2, 17), (2, 3, 1), (2, 1, 17), (2, 9, 0), (99, 1, 0), (1, 1, 0), (16, 3, 0))


@scenario
def create_sees_and_allows():
    path, log = with_programs("create0")
    inside(path, lambda: print([attempt(lambda: socket.socket(*kind).proto) for kind in KINDS]))
    log.show()


@scenario
def create_rejects():
    path, log = with_programs("create0")
    for does, retval, verdict in ((0, 0, 0), (CALL_SET_RETVAL, -97, 0), (CALL_SET_RETVAL, -97, 1), (CALL_SET_RETVAL, 5, 1)):
        rule("create0", does, set_retval=retval, verdict=verdict)
        inside(path, lambda: print([libc.socket(*kind) >= 0 or name(-ctypes.get_errno()) for kind in KINDS]))


@scenario
def create_marks():
    path, log = with_programs("create0")
    rule("create0", SET_MARK | SET_PRIORITY | SET_DEVICE, mark=0x1234, priority=5, device=1)

    def client():
        for kind in (1, 2, 1 | socket.SOCK_NONBLOCK, 1 | socket.SOCK_CLOEXEC):
            fd = libc.socket(2, kind, 0)
            s = socket.socket(fileno=fd)
            print([s.getsockopt(1, option) for option in (socket.SO_MARK, socket.SO_PRIORITY, 62)], os.get_inheritable(fd),
                  s.getsockopt(1, socket.SO_TYPE), bool(kind & socket.SOCK_NONBLOCK) == (not os.get_blocking(fd)))
    inside(path, client)
    log.show()


@scenario
def release_runs_at_the_last_close():
    path, log = with_programs("release0")

    def client():
        s = tcp()
        twin = s.dup()
        s.close()
        print(log.tags())
        twin.close()
        time.sleep(0.1)
        print(log.tags())
        udp(socket.AF_INET6).close()
        time.sleep(0.1)
        print(log.tags())
    inside(path, client)


@scenario
def post_bind():
    path, log = with_programs("bound4", "bound6")

    def binds(verdict):
        for family, address in ((2, ("127.0.0.1", 9600)), (2, ("", 9601)), (10, ("::1", 9600)), (2, ("192.0.2.1", 9600))):
            for kind in (1, 2):
                s = socket.socket(family, kind)
                print(verdict, address, kind, attempt(s.bind, address), s.getsockname())
                print(attempt(s.bind, (address[0], 9602)))
                log.show()
        s = tcp()
        print(attempt(s.bind, ("127.0.0.1", 0)), s.getsockname()[1] != 0)
        log.clear()
    inside(path, binds, "allow")
    rule("bound4", verdict=0)
    rule("bound6", CALL_SET_RETVAL, set_retval=-98, verdict=0)
    inside(path, binds, "reject")
    rule("bound4", verdict=1)
    inside(path, binds, "again")


@scenario
def post_bind_of_implicit_ports():
    path, log = with_programs("bound4")

    def client():
        u, s = udp(), tcp()
        u.connect(("127.0.0.1", 9610))
        udp().sendto(b"x", ("127.0.0.1", 9610))
        print(attempt(s.listen), log.tags())
    inside(path, client)
