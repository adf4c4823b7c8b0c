# SPDX-License-Identifier: Apache-2.0
# `make check` needs no root and takes seconds: unit, plan and handshake tests, and contrib/checks.
# The suites that need root are targets of their own.

check_PROGRAMS = $(UNIT_TESTS)
AM_CPPFLAGS = $(COMMON_CPPFLAGS) -iquote $(srcdir)/tests
AM_CFLAGS = $(HUSK_CFLAGS)
AM_LDFLAGS = $(SANITIZE)
LDADD = libhusk.a $(YAJL_LIBS) $(SECCOMP_LIBS)

TEST_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/contrib/build/aux/tap-driver.sh
AM_TESTS_ENVIRONMENT = HUSK_SRCDIR='$(abs_top_srcdir)' HUSK_BUILDDIR='$(abs_top_builddir)'; export HUSK_SRCDIR HUSK_BUILDDIR;
TESTS = $(UNIT_TESTS) $(INIT_TESTS) contrib/checks/run

# Tests of what runs in husk-init are built as husk-init is.
init-obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(AM_V_CC)$(INIT_CC) $(COMMON_CPPFLAGS) -iquote $(srcdir)/tests $(INIT_CFLAGS) -MMD -MP -c -o $@ $<

libinit-all.a: $(INIT_OBJECTS) libinit.a
	$(AM_V_AR)rm -f $@ && $(AR) cr $@ $(filter-out %/src/init/main.o,$(INIT_OBJECTS)) $(INIT_COMMON)

$(INIT_TESTS): %: init-obj/%.o libinit-all.a
	@mkdir -p $(@D)
	$(AM_V_CCLD)$(INIT_CC) -static -o $@ $< libinit-all.a

check_DATA = husk-init $(INIT_TESTS)
CLEANFILES += libinit-all.a $(INIT_TESTS)

PYTEST = /usr/bin/python3 -m pytest -q
ROOT_TESTS = env HUSK='$(abs_builddir)/husk' PYTHONDONTWRITEBYTECODE=1 $(PYTEST) -p no:cacheprovider

.PHONY: check-run check-spec-suite check-attack check-fault check-engines
check-run: all
	$(ROOT_TESTS) $(srcdir)/tests/run
check-spec-suite: all
	$(ROOT_TESTS) $(srcdir)/tests/spec
check-attack: all
	$(ROOT_TESTS) $(srcdir)/tests/attack
check-fault: all
	$(ROOT_TESTS) $(srcdir)/tests/fault
check-engines: all
	$(ROOT_TESTS) $(srcdir)/tests/engines

# Fuzzing, without root: libFuzzer where clang has it, mutate.c with sanitizers otherwise.
# One target is fuzz-NAME.c; its seeds are FUZZ_SEEDS.  FUZZ_SECONDS=3600 for a long run.
FUZZ_SECONDS = 20
FUZZ_SEEDS = $(srcdir)/tests/bundles $(srcdir)/tests/spec/examples
FUZZ_FLAGS = -std=c11 -g -O1 $(COMMON_CPPFLAGS) -iquote $(srcdir)/tests -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer $(YAJL_CFLAGS)
FUZZ_CONFIG = $(srcdir)/tests/fuzz/fuzz-config.c $(addprefix $(srcdir)/,$(OCI_SPEC_FILES)) $(srcdir)/src/base/*.c

.PHONY: check-fuzz
check-fuzz:
	@mkdir -p fuzz-corpus
	if clang $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -o fuzz-config $(FUZZ_CONFIG) $(YAJL_LIBS) 2>/dev/null; then \
		./fuzz-config -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -max_len=30000 -verbosity=0 -print_final_stats=1 \
			fuzz-corpus $(FUZZ_SEEDS); \
	else \
		$(CC) $(FUZZ_FLAGS) -fsanitize=address,undefined -o fuzz-config $(FUZZ_CONFIG) $(srcdir)/tests/fuzz/mutate.c \
			$(YAJL_LIBS) && \
		./fuzz-config $(FUZZ_SECONDS) $${FUZZ_SEED:-$$(date +%s)} $(FUZZ_SEEDS:%=%/*.json); \
	fi
CLEANFILES += fuzz-config
