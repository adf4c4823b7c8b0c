# SPDX-License-Identifier: Apache-2.0
# `make check` needs no root and takes seconds: unit, plan and handshake tests, and contrib/checks.
# The suites that make containers are targets of their own.

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

-include $(INIT_TESTS:%=init-obj/%.d)

check_DATA = husk-init $(INIT_TESTS)
CLEANFILES += libinit-all.a $(INIT_TESTS)

PYTEST = /usr/bin/python3 -m pytest -q
ROOT_TESTS = env HUSK='$(abs_builddir)/husk' PYTHONDONTWRITEBYTECODE=1 $(PYTEST) -p no:cacheprovider

.PHONY: check-control check-vm check-run check-spec-suite check-attack check-fault check-engines
check-run: all
	$(ROOT_TESTS) $(srcdir)/tests/run
check-spec-suite: all
	$(ROOT_TESTS) $(srcdir)/tests/spec
check-attack: all
	$(ROOT_TESTS) $(srcdir)/tests/attack
check-fault: all
	$(ROOT_TESTS) $(srcdir)/tests/fault
# Other kinds of host: KINDS="systemd rootless" (tests/vm/run-suites lists them; without KINDS all). Needs a static husk.
check-vm: all
	$(srcdir)/tests/vm/run-suites -j 2 '$(abs_builddir)/husk' $(KINDS)
check-engines: all
	$(ROOT_TESTS) $(srcdir)/tests/engines
# The same engines on crun and runc, for the table of what they can do and husk cannot, which fails.
check-control: all
	$(srcdir)/tests/engines/compare '$(abs_builddir)/husk' $(RUNTIMES)

# Fuzzing, without root, whatever configure was told: libFuzzer where clang has it, mutate.c with sanitizers
# otherwise.  Seeds are the captured and the official documents.  FUZZ_SECONDS=3600 for a long run.
FUZZ_SECONDS = 20
FUZZ_SEEDS = $(srcdir)/tests/bundles $(srcdir)/tests/spec/examples
FUZZ_FLAGS = -std=c11 -g -O1 $(COMMON_CPPFLAGS) -UPLAN_ADDRESS -DPLAN_ADDRESS=0x300000000000ul -iquote $(srcdir)/tests \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer $(YAJL_CFLAGS) $(SECCOMP_CFLAGS)
FUZZ_COMMON = $(addprefix $(srcdir)/,$(OCI_SPEC_FILES)) $(wildcard $(srcdir)/src/base/*.c) $(srcdir)/tests/fuzz/json.c
FUZZ_PLAN = $(addprefix $(srcdir)/,$(filter src/sys/%,$(COMMON_FILES)) $(filter-out src/life/% src/record/%,$(HUSK_FILES)))

.PHONY: check-fuzz check-fuzz-config check-fuzz-plan
check-fuzz: check-fuzz-config check-fuzz-plan
check-fuzz-config: $(srcdir)/tests/fuzz/fuzz-config.c
check-fuzz-plan: $(srcdir)/tests/fuzz/fuzz-plan.c husk-init
check-fuzz-config check-fuzz-plan: check-fuzz-%:
	@mkdir -p fuzz-corpus/$*
	target="$(srcdir)/tests/fuzz/fuzz-$*.c $(FUZZ_COMMON) $(if $(filter plan,$*),$(FUZZ_PLAN) $(srcdir)/src/sys/init-blob.S -Wa$(comma)-I.)"; \
	if clang $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -o fuzz-$* $$target $(YAJL_LIBS) $(SECCOMP_LIBS); then \
		./fuzz-$* -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -max_len=30000 -verbosity=0 -print_final_stats=1 \
			fuzz-corpus/$* $(FUZZ_SEEDS); \
	else \
		$(CC) $(FUZZ_FLAGS) -fsanitize=address,undefined -o fuzz-$* $$target $(srcdir)/tests/fuzz/mutate.c $(YAJL_LIBS) \
			$(SECCOMP_LIBS) && \
		./fuzz-$* $(FUZZ_SECONDS) $${FUZZ_SEED:-$$(date +%s)} $(FUZZ_SEEDS:%=%/*.json); \
	fi
comma = ,
CLEANFILES += fuzz-config fuzz-plan

# What husk costs beside other runtimes and the bare kernel: run alone on a quiet machine, as root.
BENCH_TOOLS = tests/bench/floor tests/bench/spawn tests/bench/count tests/bench/nothing
BENCH_ROUNDS = 40
tests/bench/floor tests/bench/spawn tests/bench/count: tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(AM_V_CCLD)$(INIT_CC) -std=c11 -Os $(WARNINGS) $(INIT_INCLUDES) -static -s -o $@ $<
tests/bench/nothing: tests/bench/nothing.c
	@mkdir -p $(@D)
	$(AM_V_CCLD)$(CC) -O2 -static -s -o $@ $<

.PHONY: bench
bench: all $(BENCH_TOOLS)
	env HUSK='$(abs_builddir)/husk' BENCH_TOOLS='$(abs_builddir)/tests/bench' PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
		$(srcdir)/tests/bench/bench.py -n $(BENCH_ROUNDS) --graph bench.svg --json bench.json $(BENCH)

# The regression guard without a clock: system calls against tests/bench/budget, which `make budget` renews, memory, growth.
.PHONY: check-budget budget
check-budget: all
	$(ROOT_TESTS) $(srcdir)/tests/bench
budget: all
	env HUSK='$(abs_builddir)/husk' PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 $(srcdir)/tests/bench/budget.py --renew
CLEANFILES += $(BENCH_TOOLS) bench.svg bench.json
