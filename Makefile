# SPDX-License-Identifier: Apache-2.0
#
# Short names for what Meson, the tests and the demo do. On Debian 12, `make demo` and `make test` first install what
# is missing (tools/setup), with sudo where needed; `make` alone installs nothing.

BUILD = build
PREFIX = /usr/local
FUZZ_SECONDS = 60
MESON_OPTIONS =
QUICK =
BENCH =

all: build

help:
	@echo 'make            build into $(BUILD)/'
	@echo 'make demo       install what is missing, build, time six large models, show what trained ones see, and look'
	@echo '                at it in a browser until Ctrl-C'
	@echo 'make test       install what is missing, build, and test: some minutes'
	@echo 'make test-all   the same, and the long tests: TensorFlow itself, sanitizers, valgrind, emulators, fuzzing'
	@echo 'make test-long  the long tests alone; PARTS="asan tsan valgrind aarch64 older load live page fuzz"'
	@echo 'make bench      install what is missing, and compare with other runtimes: half an hour; QUICK=1: 4 minutes;'
	@echo '                BENCH="--peers haya,ncnn --networks unet8": see bench/run --help'
	@echo 'make install    to PREFIX ($(PREFIX)), under DESTDIR if set'
	@echo 'make clean      remove $(BUILD)/'
	@echo
	@echo 'Variables: CC, CFLAGS, PREFIX, DESTDIR, BUILD, MESON_OPTIONS, FUZZ_SECONDS ($(FUZZ_SECONDS))'

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX) $(MESON_OPTIONS)

demo:
	@tools/setup build
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) cli/haya demo/haya-demo tools/make_unet
	@tools/demo $(BUILD)

bench:
	@tools/setup build bench
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD) cli/haya tools/make_unet bench/haya_driver
	@bench/run --build $(BUILD) $(if $(QUICK),--quick) $(BENCH)

test:
	@tools/setup build test
	@$(MAKE) --no-print-directory build
	@tests/run_tests $(BUILD) --without live --without page

test-long:
	@tools/setup build test long
	@$(MAKE) --no-print-directory build
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run_long $(BUILD) $(PARTS)

# One after the other, even with -j: they share the processors. The second runs when the first fails, too.
test-all:
	@status=0; for part in test test-long; do $(MAKE) --no-print-directory $$part || status=1; done; exit $$status

install: build
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)
	@[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || true # so that programs find the library at once

clean:
	rm -rf $(BUILD)

.PHONY: all help build demo bench test test-long test-all install clean
