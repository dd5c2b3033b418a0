"""Runs the scenarios whose names contain one of the arguments; all without arguments."""
import sys

from lib import main
import options, addresses, sockets, hierarchy, traces, objects  # noqa: F401 (they register their scenarios)

main(sys.argv[1:])
