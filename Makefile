# The short list of commands. `make demo` and `make test` work on a fresh Debian 12.
JOBS ?= $(shell nproc)
.PHONY: demo test build bench conformance fuzz lint format packages clean

build: packages
	cmake --preset release >/dev/null
	cmake --build --preset release -j$(JOBS)

demo: build
	examples/run-demo.sh build/release/bin/skep

test: build
	scripts/run-tests.sh

bench: packages
	cmake --preset bench >/dev/null
	cmake --build --preset bench -j$(JOBS)
	scripts/run-bench.sh build/bench/bin

# The long suites: everything in `make test`, at full length.
conformance: build
	scripts/run-conformance.sh

fuzz: packages
	cmake --preset fuzz >/dev/null
	cmake --build --preset fuzz -j$(JOBS)
	scripts/run-fuzz.sh build/fuzz/bin


lint:
	scripts/lint.sh

format:
	git ls-files '*.h' '*.cpp' | xargs clang-format-19 -i

packages:
	@scripts/install-packages.sh packages.txt

clean:
	rm -rf build
