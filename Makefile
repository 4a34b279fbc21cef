# One Makefile, no recursion into folders; `make help` lists the targets.
# A bare machine needs only make and a shell: `make deps` installs the rest.

VERSION  := 0.1.0
VARIANT  ?= release
VARIANTS := release asan ubsan tsan fuzz lint
PREFIX   ?= /usr/local
CFLAGS   ?= -O2 -g

OS     := $(shell uname -s)
CPUS   := $(shell getconf _NPROCESSORS_ONLN)
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)

ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT) is not one of: $(VARIANTS))
endif

# Outputs: build/<variant>/... mirrors the source tree; bin/ is the release build.
B   := build/$(VARIANT)
BIN := $(if $(filter release,$(VARIANT)),bin,$(B)/bin)

# ---- Sources: which file belongs to which system is said here and nowhere else.

ONLY_Linux  := %_linux.c common/loop/poller_epoll.c common/loop/loop_uring% common/uring/% udp/loop_uring.c \
               udp/uring% udp/zerocopy.c fileio/engine_libaio.c fileio/engine_uring.c tests/floor/%
ONLY_Darwin := %_darwin.c
FOREIGN     := $(foreach os,Linux Darwin,$(if $(filter $(OS),$(os)),,$(ONLY_$(os))))

sources = $(filter-out $(FOREIGN),$(sort $(wildcard $(1))))
objects = $(patsubst %.c,$(B)/%.o,$(call sources,$(1)/*.c $(1)/*/*.c))
program = $(if $(call objects,$(2)),$(BIN)/$(1))

PROGRAMS := $(strip $(call program,bench_server,server) $(call program,bench_client,client) \
                    $(call program,bench_udp,udp) $(call program,bench_file_io,fileio))
FOLDERS  := $(foreach f,server client udp fileio common,$(if $(call objects,$(f)),$(f)))
ARCHIVES := $(FOLDERS:%=$(B)/lib%.a)

UNIT    := $(patsubst tests/unit/%.c,$(B)/tests/%,$(call sources,tests/unit/*.c))
FLOOR   := $(patsubst %.c,$(B)/%,$(call sources,tests/floor/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/%,$(call sources,tests/fuzz/*.c))

PLACES  := */ common/*/ tests/*/
ALL_C   := $(sort $(wildcard $(foreach d,$(PLACES),$(d)*.c)))
HEADERS := $(sort $(wildcard $(foreach d,$(PLACES),$(d)*.h)))
OWN_C   := $(filter-out $(FOREIGN),$(ALL_C))

# ---- Flags

# A commit is part of the version only in a work tree of our own, not in one around a tarball.
COMMIT   := $(if $(wildcard .git),$(shell git describe --always --dirty --exclude '*' 2>/dev/null))
VERSION_DEFINE := -DIOBENCH_VERSION='"$(VERSION)$(COMMIT:%=+g%)"'

COMPILER := $(shell $(CC) --version 2>/dev/null)
WARNINGS := -Wall -Wextra -Wshadow -Wconversion

# LTO lets the loops in libcommon.a inline the hooks that a program gives them. It is left to gcc:
# clang needs a linker plug-in that is often not installed. ar must know the plug-in too, or the
# archive has no index.
ifneq ($(findstring Free Software Foundation,$(COMPILER)),)
LTO        := -flto=auto
LTO_PLUGIN := $(wildcard $(shell $(CC) -print-file-name=liblto_plugin.so))
endif

SANITIZED     := -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all
FLAGS_release := $(LTO)
FLAGS_asan    := $(SANITIZED) -fsanitize=address
FLAGS_ubsan   := $(SANITIZED) -fsanitize=undefined
FLAGS_tsan    := $(SANITIZED) -fsanitize=thread
FLAGS_fuzz    := $(SANITIZED) -fsanitize=fuzzer-no-link,address,undefined
FLAGS_lint    := -Werror
AR_FLAGS := $(LTO_PLUGIN:%=--plugin %) rcs

# A library's own flags where pkg-config knows them, else its plain name.
package = $(or $(shell pkg-config $(1) $(2) 2>/dev/null),$(3))
library = $(call package,--libs,$(1),-l$(1:lib%=%))

LIBRARIES := libev libcjson $(if $(filter Linux,$(OS)),liburing libaio)
LDLIBS    := $(foreach l,$(LIBRARIES),$(call library,$(l))) -lz -lm
INCLUDES  := $(patsubst -I%,-isystem %,$(sort $(foreach l,$(LIBRARIES) cmocka,$(call package,--cflags,$(l)))))
CMOCKA     = $(call library,cmocka)

ifeq ($(OS),Darwin)
BREW     := $(shell brew --prefix 2>/dev/null)
INCLUDES += $(BREW:%=-isystem %/include)
LDLIBS   := $(BREW:%=-L%/lib) $(LDLIBS)
else
LDFLAGS  += -Wl,--as-needed
endif

BASE    := -std=gnu11 -D_GNU_SOURCE -I. $(INCLUDES) $(WARNINGS) -pthread
COMPILE := $(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(FLAGS_$(VARIANT))
LINK    := $(CC) -pthread $(CFLAGS) $(FLAGS_$(VARIANT)) $(LDFLAGS)

# ---- Targets for people

.DEFAULT_GOAL := all
.PHONY: all deps bench reproduce test check test-sanitizers fuzz fuzz-run lint format install \
        clean help tests objects FORCE

# A make of its own, in parallel: it sees what `deps` has just installed.
AGAIN = $(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(CPUS))

all: $(PROGRAMS)  ## build the programs into bin/ (VARIANT=asan|ubsan|tsan: into build/VARIANT/bin/)

deps:  ## install what is missing to build, test and benchmark
	@scripts/install-deps build test bench

bench:  ## compare what there is on this machine, in about 2 min (ARGS="...": for scripts/bench)
	@scripts/install-deps build bench
	@+$(AGAIN) all
	@scripts/bench $(ARGS)

reproduce:  ## the published figures beside ours, in about 4 min (ARGS="...": for scripts/reproduce)
	@scripts/install-deps build bench
	@+$(AGAIN) all
	@scripts/reproduce $(ARGS)

test:  ## run every test, the unit tests with sanitizers too (ARGS="-k name": for pytest)
	@scripts/install-deps build test
	@+$(AGAIN) check

SANITIZERS := asan ubsan tsan

test-sanitizers:  ## run every test, end to end as well, on sanitized builds (long)
	@scripts/install-deps build test
	@+failed=; for v in $(SANITIZERS); do $(AGAIN) VARIANT=$$v check || failed="$$failed $$v"; done; \
	    if [ "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi

fuzz:  ## fuzz every parser for FUZZ_SECONDS each (60)
	@scripts/install-deps build fuzz
	@+$(AGAIN) VARIANT=fuzz CC=clang fuzz-run

lint:  ## check with gcc -Werror, clang-tidy, cppcheck, shellcheck, pyflakes and clang-format
	@scripts/install-deps build lint
	@+$(AGAIN) VARIANT=lint objects lint-run

format:  ## rewrite the C files by .clang-format
	clang-format -i $(ALL_C) $(HEADERS)

install: all  ## install programs, man pages and documents (PREFIX=/usr/local, DESTDIR=)
	install -d $(DESTDIR)$(PREFIX)/bin $(MAN) $(DOC)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	set -e; for p in $(PROGRAMS); do $$p --man >$(MAN)/$${p##*/}.1; done
	install -m 644 LICENSE $(wildcard *.md docs/*.*) $(DOC)

MAN = $(DESTDIR)$(PREFIX)/share/man/man1
DOC = $(DESTDIR)$(PREFIX)/share/doc/iobench

clean:  ## remove what was built (results stay)
	rm -rf build bin

help:  ## list these targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "make %-16s %s\n", $$1, $$2 }' Makefile

# ---- Building

# A stamp is rewritten only when its text changes; whatever depends on it is then made anew.
STAMPS := $(B)/flags.stamp $(B)/version.stamp $(B)/sources.stamp
$(B)/flags.stamp:   TEXT = $(COMPILE) $(LINK) $(LDLIBS) $(COMPILER)
$(B)/version.stamp: TEXT = $(VERSION_DEFINE)
$(B)/sources.stamp: TEXT = $(OWN_C)
$(STAMPS): FORCE
	@mkdir -p $(@D)
	@echo "$(subst ",,$(TEXT))" | cmp -s - $@ || echo "$(subst ",,$(TEXT))" >$@

$(B)/%.o: %.c $(B)/flags.stamp
	@mkdir -p $(@D)
	@echo "cc   $@"
	@$(COMPILE) $(DEFINES) -MMD -MP -c $< -o $@

# Only these are compiled again after each commit.
VERSIONED := $(patsubst %.c,$(B)/%.o,$(shell grep -ls IOBENCH_VERSION $(OWN_C) /dev/null))
$(VERSIONED): DEFINES = $(VERSION_DEFINE)
$(VERSIONED): $(B)/version.stamp

$(foreach f,$(FOLDERS),$(eval $(B)/lib$(f).a: $(call objects,$(f))))
$(ARCHIVES): $(B)/sources.stamp
	@echo "ar   $@"
	@rm -f $@
	@$(AR) $(AR_FLAGS) $@ $(filter %.o,$^)

define link
@mkdir -p $(@D)
@echo "link $@"
@$(LINK) $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)
endef

# The objects of a program come whole, libcommon.a gives what they ask for.
$(BIN)/bench_server:  $(call objects,server)
$(BIN)/bench_client:  $(call objects,client)
$(BIN)/bench_udp:     $(call objects,udp)
$(BIN)/bench_file_io: $(call objects,fileio)
$(PROGRAMS): $(B)/libcommon.a $(B)/sources.stamp
	$(link) -o $@

# A unit test takes what it asks for from any folder, and defines the hooks of a loop it tests.
$(UNIT): $(B)/tests/%: $(B)/tests/unit/%.o $(ARCHIVES)
	$(link) $(CMOCKA) -o $@

$(FLOOR): %: %.o
	$(link) -o $@

$(FUZZERS): $(B)/%: $(B)/tests/fuzz/%.o $(ARCHIVES)
	$(link) -fsanitize=fuzzer -o $@

-include $(wildcard $(foreach d,$(PLACES),$(B)/$(d)*.d))

# ---- Checking

# The tests of this build; for the release the unit tests of the sanitized builds as well.
UNIT_VARIANTS := $(VARIANT) $(if $(filter release,$(VARIANT)),$(SANITIZERS))

# ThreadSanitizer of today's compilers dies where addresses are randomised by more than 28 bits.
FIXED_ADDRESSES = $(shell setarch -R true 2>/dev/null && echo setarch -R)

tests: $(UNIT) $(FLOOR)

tests-%:
	@+$(AGAIN) VARIANT=$* tests

check: all tests $(patsubst %,tests-%,$(filter-out $(VARIANT),$(UNIT_VARIANTS)))
	@IOBENCH_BIN=$(CURDIR)/$(BIN) IOBENCH_BUILD=$(CURDIR)/$(B) \
	    IOBENCH_UNIT_BUILDS="$(UNIT_VARIANTS:%=$(CURDIR)/build/%)" PYTHONDONTWRITEBYTECODE=1 \
	    $(FIXED_ADDRESSES) $(PYTHON) -m pytest tests/e2e $(ARGS)

FUZZ_SECONDS ?= 60

# The corpus under build/ grows from run to run; tests/fuzz/corpus/ holds seeds.
fuzz-run: $(FUZZERS:%=%.run)
$(B)/%.run: $(B)/%
	@mkdir -p $(B)/corpus/$*
	@echo "fuzz $* for $(FUZZ_SECONDS) s"
	@$< -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(B)/$*- -print_final_stats=1 \
	    $(B)/corpus/$* $(wildcard tests/fuzz/corpus/$*) >$(B)/$*.log 2>&1 || \
	    { tail -n 60 $(B)/$*.log; exit 1; }
	@tail -n 5 $(B)/$*.log

objects: $(patsubst %.c,$(B)/%.o,$(OWN_C))

SCRIPTS    = $(wildcard scripts/* .ci/run .github/actions/*/*)
written_in = $(shell grep -lsE '^\#!.*($(1))' $(SCRIPTS) /dev/null)

.PHONY: lint-run lint-tidy lint-cppcheck lint-scripts lint-format
lint-run: lint-tidy lint-cppcheck lint-scripts lint-format

lint-tidy:
	printf '%s\n' $(OWN_C) | xargs -P $(CPUS) -I {} \
	    clang-tidy --quiet {} -- $(BASE) $(VERSION_DEFINE)

# Off: a loop's state on the stack of its run() is a pattern here; memcpy counts as initialising.
lint-cppcheck:
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
	    --inline-suppr --suppress=missingIncludeSystem --suppress=autoVariables \
	    --suppress=uninitdata -j $(CPUS) -D_GNU_SOURCE -I. $(VERSION_DEFINE) $(OWN_C)

lint-scripts:
	shellcheck $(call written_in,bash|sh$$)
	$(PYTHON) -m pyflakes $(call written_in,python) tests scripts/iobench

lint-format:
	clang-format --dry-run -Werror $(ALL_C) $(HEADERS)
