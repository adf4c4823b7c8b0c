# SPDX-License-Identifier: Apache-2.0
# husk (static; see configure.ac for how) and husk-init (static musl), which is embedded in it.

COMMON_CPPFLAGS = -D_GNU_SOURCE -iquote $(srcdir)/src -iquote $(srcdir) -iquote src $(PLACES)
HUSK_CFLAGS = -std=c11 $(WARNINGS) $(SANITIZE) $(HARDEN) $(YAJL_CFLAGS) $(SECCOMP_CFLAGS)

bin_PROGRAMS = husk
EXTRA_LIBRARIES = libhusk.a

# The library of the tests, and of husk where musl does not build it.
libhusk_a_SOURCES = $(OCI_SPEC_FILES) $(COMMON_FILES) $(HUSK_FILES) $(HEADER_FILES)
libhusk_a_CPPFLAGS = $(COMMON_CPPFLAGS)
libhusk_a_CFLAGS = $(HUSK_CFLAGS)

husk_CPPFLAGS = $(COMMON_CPPFLAGS)
husk_CFLAGS = $(HUSK_CFLAGS)
husk_CCASFLAGS = -Wa,-I.
if HUSK_MUSL
husk_SOURCES = src/sys/init-blob.S src/sys/bus-blob.S
husk_LINK = $(HUSK_CC) $(CFLAGS) $(LDFLAGS) -o $@ $(HUSK_LINK)
husk_LDADD = $(HOST_OBJECTS) $(HUSK_YAJL) $(HUSK_END)
EXTRA_husk_DEPENDENCIES = $(HOST_OBJECTS)
else
husk_SOURCES = $(CLI_FILES) src/sys/init-blob.S src/sys/bus-blob.S
husk_LINK = $(CCLD) $(husk_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(HUSK_LINK) $(SANITIZE)
husk_LDADD = libhusk.a $(HUSK_YAJL)
endif

# husk's objects with musl, by plain rules: automake knows one compiler.
HOST_OBJECTS = $(OCI_SPEC_FILES:%.c=host-obj/%.o) $(COMMON_FILES:%.c=host-obj/%.o) $(HUSK_FILES:%.c=host-obj/%.o) \
	$(CLI_FILES:%.c=host-obj/%.o) host-obj/src/sys/fortified.o host-obj/src/sys/relro.o

host-obj/%.o: %.c
	@mkdir -p $(@D)
	$(AM_V_CC)$(HUSK_CC) $(DEFS) $(DEFAULT_INCLUDES) $(COMMON_CPPFLAGS) -std=c11 $(WARNINGS) $(HARDEN) -fPIE $(CFLAGS) $(INIT_INCLUDES) -MMD -MP -c -o $@ $<

-include $(HOST_OBJECTS:.o=.d)

src/sys/husk-init-blob.$(OBJEXT): husk-init
src/sys/husk-bus-blob.$(OBJEXT): husk-bus

# Talks to systemd: dynamic, whatever husk itself is, so that it can use libsystemd. Empty without it.
husk-bus: src/bus/main.c
if SYSTEMD
	$(AM_V_CCLD)$(CC) -std=c11 -D_GNU_SOURCE -Os $(WARNINGS) $(SYSTEMD_CFLAGS) -s -o $@ $< $(SYSTEMD_LIBS)
else
	$(AM_V_GEN): >$@
endif

# Of which commit the program is. Written anew only when that changes.
src/life/commit.h: FORCE
	@mkdir -p $(@D)
	@printf '/* Made by contrib/build/commit. */\n#pragma once\n#define HUSK_COMMIT "%s"\n' "$$($(srcdir)/contrib/build/commit)" > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
src/life/libhusk_a-describe.$(OBJEXT) host-obj/src/life/describe.o: src/life/commit.h
.PHONY: FORCE

# Manual pages and completions: husk prints them from its tables of options.
manualdir = $(mandir)/man8
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d

if PAGES
TELL = ASAN_OPTIONS=detect_leaks=0 $(HUSK_FOR_BUILD)

pages/husk.8: husk$(EXEEXT)
	$(AM_V_GEN)rm -rf pages && mkdir pages && \
	for page in `$(TELL) man --list`; do $(TELL) man $$page > pages/husk-$$page.8 || exit 1; done && \
	$(TELL) completion bash > pages/husk.bash && $(TELL) completion zsh > pages/_husk && \
	$(TELL) completion fish > pages/husk.fish && $(TELL) man > $@.new && mv $@.new $@

all-local: pages/husk.8

install-data-local: pages/husk.8
	$(MKDIR_P) $(DESTDIR)$(manualdir) $(DESTDIR)$(bashcompletiondir) $(DESTDIR)$(zshcompletiondir) $(DESTDIR)$(fishcompletiondir)
	$(INSTALL_DATA) pages/*.8 $(DESTDIR)$(manualdir)
	$(INSTALL_DATA) pages/husk.bash $(DESTDIR)$(bashcompletiondir)/husk
	$(INSTALL_DATA) pages/_husk $(DESTDIR)$(zshcompletiondir)/_husk
	$(INSTALL_DATA) pages/husk.fish $(DESTDIR)$(fishcompletiondir)/husk.fish

uninstall-local:
	cd pages && for page in *.8; do rm -f $(DESTDIR)$(manualdir)/$$page; done
	rm -f $(DESTDIR)$(bashcompletiondir)/husk $(DESTDIR)$(zshcompletiondir)/_husk $(DESTDIR)$(fishcompletiondir)/husk.fish
endif

# husk-init has a compiler of its own, so plain rules instead of automake's.
INIT_OBJECTS = $(INIT_FILES:%.c=init-obj/%.o)
INIT_COMMON = $(COMMON_FILES:%.c=init-obj/%.o)
# At a fixed address: its tables are constants then, which nobody can write, and need no pages of their own.
INIT_CFLAGS = -std=c11 -Os -fno-pie $(WARNINGS) -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-stack-protector -DHUSK_INIT=1 $(INIT_INCLUDES)

init-obj/%.o: %.c
	@mkdir -p $(@D)
	$(AM_V_CC)$(INIT_CC) $(COMMON_CPPFLAGS) $(INIT_CFLAGS) -MMD -MP -c -o $@ $<

libinit.a: $(INIT_COMMON)
	$(AM_V_AR)rm -f $@ && $(AR) cr $@ $(INIT_COMMON)

husk-init: $(INIT_OBJECTS) libinit.a
	$(AM_V_CCLD)$(INIT_CC) -static -no-pie -s -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--build-id=none -o $@ $(INIT_OBJECTS) libinit.a

-include $(INIT_OBJECTS:.o=.d) $(INIT_COMMON:.o=.d)

CLEANFILES = husk-init husk-bus libinit.a src/life/commit.h
clean-local:
	rm -rf init-obj host-obj pages
