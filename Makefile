# GNU make. The targets, in the order a newcomer meets them (make help shows this):
#
#   make            build build/$(LUA)/mic/core.so          make LUA=luajit, or make luajit
#   make demo       log in and call, against the local sandbox: no account needed
#   make test       every spec on each of LUAS
#   make matrix     the specs of the core with other libcurls; CURL="prefix…", each with include/ and
#                   lib/, or the names of Debian's builds, "openssl gnutls"; SPECS=… for others
#   make interop    specs against login servers of npm, which it installs in build/interop
#   make sandbox    a local API until Ctrl-C; RUN="lua my.lua" runs that against it and stops
#   make lint       luacheck, clang-format, clang-tidy, cppcheck, strict builds by gcc and clang
#   make sanitize   every spec under AddressSanitizer and UBSan, its nginx too; SPECS=… for some
#   make tsan       the specs of the engine's thread under ThreadSanitizer, likewise
#   make valgrind   every spec under memcheck, and an nginx
#   make fuzz       each fuzz target for SECONDS
#   make allocations  each allocation of each of spec/allocation fails; a quarter of an hour
#   make brutal-gc    the core's specs, with a full collection for every object of the module
#   make simulate   simulated worlds with faults; EXPIRIES=n or SECONDS=n ends it, SEED=n replays
#   make bench      ratios against C on libcurl; BENCH="sequential parallel download cold peers"
#   make bench-nginx  calls in an nginx worker; RESTY_HTTP=folder compares with lua-resty-http;
#                   ROWS="unrelated authorize by_hand resty proxy", WAYS="tls h2 cleartext"
#   make install    honours DESTDIR PREFIX LUA CC LUA_INCDIR INSTALL_CMOD INSTALL_LMOD BINDIR MANDIR
#   make uninstall  with the same ones, removes what install has installed
#   make dist       build/dist/lua-mic-VERSION.tar.gz: every file of this folder, always the same bytes
#   make rock       the same for LuaRocks: build/dist/lua-mic-VERSION-1.src.rock
#   make rockspec   rockspecs/lua-mic-VERSION-1.rockspec, from the one for checkouts
#   make deps       installs what all of these need; each target installs only what it uses
#   make clean
#   make help       this list
#
# DEPS=no checks and installs no dependency. V=1 shows the whole commands.

LUA = lua5.4
LUAS = lua5.1 lua5.2 lua5.3 lua5.4 luajit
SECONDS = 10
DEPS = yes

LUA_NAME := $(notdir $(LUA))
LUA_INCDIR := $(or $(patsubst -I%,%,$(firstword $(filter -I%,\
  $(shell pkg-config --cflags-only-I $(LUA_NAME) 2>/dev/null)))),\
  /usr/include/$(if $(filter luajit%,$(LUA_NAME)),luajit-2.1,$(LUA_NAME)))

# For size, except libcurl's allocator. With -Os and -Oz alone gcc copies and compares by slow
# instructions of x86, and aligns tables to cache lines; some steps make the code larger, and here
# slower too. Lua binds all symbols when it loads a module, so calls need no PLT. No error of Lua goes
# through the core, so it needs no tables for that, which would grow with each register that is saved.
# The compiler is asked only when it is used: on a bare machine it is installed just before that.
ifeq ($(origin CFLAGS),undefined)
can = $(shell $(CC) -Werror $(1) -E -x c /dev/null >/dev/null 2>&1 && echo $(1))
once = $(eval $(1) := $(2))$($(1))
SMALL = $(call once,SMALL,$(SMALL_FLAGS))
SMALL_FLAGS = $(or $(call can,-Oz),-Os) $(call can,-mstringop-strategy=libcall) $(call can,-malign-data=abi) \
  $(foreach step,move-loop-invariants tree-tail-merge tree-dominator-opts,$(call can,-fno-$(step)))
NO_PLT = $(call once,NO_PLT,$(call can,-fno-plt))
CFLAGS = $(SMALL) $(NO_PLT)
FAST = $(BUILD)/src/core/process/wiped_memory.o
OF_CORE = $(call once,OF_CORE,-fno-asynchronous-unwind-tables $(call can,-fno-caller-saves))
endif
ALL_CFLAGS = -std=c11 -fPIC $(CFLAGS) $(CPPFLAGS) -I$(LUA_INCDIR)
# The interpreter provides Lua's functions; a module linked with liblua would have a second copy.
LIBFLAG = $(if $(filter Darwin,$(shell uname -s)),-bundle -undefined dynamic_lookup,-shared)
LIBS = -lcurl -lpthread

BUILD_ROOT = build
BUILD := $(BUILD_ROOT)/$(LUA_NAME)
MODULE := $(BUILD)/mic/core.so
TERMINAL := $(BUILD)/mic/terminal.so
SOURCES := $(sort $(wildcard src/core/*.c src/core/*/*.c src/binding/*.c))
TERMINAL_SOURCES := $(sort $(wildcard src/terminal/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
TERMINAL_OBJECTS := $(TERMINAL_SOURCES:%.c=$(BUILD)/%.o)
HEADERS := $(sort $(wildcard src/core/*.h src/core/*/*.h src/binding/*.h src/terminal/*.h))

PREFIX = /usr/local
LUA_VERSION = $(shell $(LUA) -e 'print((_VERSION:match("%d.%d")))')
INSTALL_LMOD = $(PREFIX)/share/lua/$(LUA_VERSION)
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man/man1
INSTALL_CMOD = $(PREFIX)/lib/lua/$(LUA_VERSION)

# Variables with a version in their name would override the ones set here.
unexport LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 LUA_PATH_5_5
unexport LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4 LUA_CPATH_5_5
LUA_LIBS := $(or $(shell pkg-config --libs $(LUA_NAME) 2>/dev/null),\
  -l$(if $(filter luajit%,$(LUA_NAME)),luajit-5.1,$(LUA_NAME)))
# In RUN="lua my.lua", lua is the interpreter that the module was built for.
WITH_MIC = LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;" \
  LUA_CPATH="$(CURDIR)/$(BUILD)/?.so;;" PATH="$(CURDIR)/$(BUILD)/bin:$$PATH"

# In RUN="luajit my.lua", after `make luajit`, the module is the one for LuaJIT.
modules_for = $(CURDIR)/$(BUILD_ROOT)/$(1)/?.so
WITH_EACH_MIC = $(WITH_MIC) $(if $(filter lua5.% luajit,$(LUA_NAME)),$(foreach version,2 3 4,\
  LUA_CPATH_5_$(version)="$(call modules_for,lua5.$(version));;")) \
  $(if $(filter lua5.2 lua5.3 lua5.4,$(LUA_NAME)),\
  LUA_CPATH="$(call modules_for,luajit);$(call modules_for,lua5.1);;")

deps = $(if $(filter no,$(DEPS)),,@CC="$(CC)" LUA_INCDIR="$(LUA_INCDIR)" tools/deps)
ifeq ($(DEPS),no)
deps = @:
endif

# Prints one short line for each file; V=1 prints the command instead.
Q = $(if $(filter 1,$(V)),,@printf '%s\n' '$(1)';)

.PHONY: help build lua5.1 lua5.2 lua5.3 lua5.4 luajit demo sandbox test lint sanitize tsan valgrind fuzz \
  matrix interop bench bench-nginx simulate allocations brutal-gc install uninstall dist rock rockspec clean \
  deps deps-build FORCE
.DELETE_ON_ERROR:

build: $(MODULE) $(TERMINAL)

help:
	@sed -n '1d; /^#/!q; s/^# \{0,1\}//p' Makefile

lua5.1 lua5.2 lua5.3 lua5.4 luajit:
	@$(MAKE) --no-print-directory LUA=$@ build

$(MODULE): $(OBJECTS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call Q,LINK $@)$(CC) $(LIBFLAG) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

$(TERMINAL): $(TERMINAL_OBJECTS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call Q,LINK $@)$(CC) $(LIBFLAG) $(CFLAGS) $(LDFLAGS) -o $@ $(TERMINAL_OBJECTS)

$(FAST): CFLAGS = -O2 $(NO_PLT)
$(BUILD)/src/core/%.o: ALL_CFLAGS += $(OF_CORE)
$(BUILD)/%.o: %.c $(BUILD)/flags | deps-build
	@mkdir -p $(@D)
	$(call Q,CC   $<)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Changes with the commands or the list of files, so that everything is rebuilt.
$(BUILD)/flags: FORCE | deps-build
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(ALL_CFLAGS) $(OF_CORE) $(FAST) $(LIBFLAG) $(LDFLAGS) $(LIBS) $(SOURCES) $(TERMINAL_SOURCES)' > $@.$$$$; \
	  if cmp -s $@.$$$$ $@; then rm -f $@.$$$$; else mv -f $@.$$$$ $@; fi

-include $(OBJECTS:.o=.d) $(TERMINAL_OBJECTS:.o=.d)

$(BUILD)/bin/lua: FORCE
	@mkdir -p $(@D)
	@ln -sf "$$(command -v $(LUA))" $@

demo: deps-run build
	@$(WITH_MIC) sandbox/start -- $(LUA) examples/demo.lua

sandbox: deps-run build $(BUILD)/bin/lua
	@$(WITH_EACH_MIC) sandbox/start $(if $(RUN),-- $(RUN))

docs/api.md: lua/mic/api/endpoints.lua tools/api_doc.lua
	@$(LUA) tools/api_doc.lua > $@.new && mv -f $@.new $@

man/mic.1: lua/mic/command/arguments.lua tools/man_page.lua src/core/base.h
	@mkdir -p $(@D)
	@$(LUA) tools/man_page.lua > $@.new && mv -f $@.new $@

lua/mic/types.lua: $(MODULE) tools/types.lua docs/reference.md lua/mic/api/endpoints.lua FORCE
	@$(WITH_MIC) $(LUA) tools/types.lua > $@.new && mv -f $@.new $@

test: deps-test
	@set -e; for lua in $(LUAS); do $(MAKE) --no-print-directory LUA=$$lua build; done
	@tools/run_specs $(LUAS)

# Those that reach libcurl or the TLS library.
MATRIX_SPECS = $(patsubst %,spec/%_spec.lua,core core_close core_exchange core_record engine engine_fork \
  transport tls host_tls trust early_bytes early_bytes_tls dead_connection kept_connection unprocessed \
  idle cold_start interrupt no_descriptors without_http2 redirect redirect_limits content_encoding bomb \
  stream files progress call call_error bad_answer folded_header faults batch fetch retry session refresh \
  secrets debug_secrets memory forked_flight sigpipe module)
CURL = openssl gnutls

matrix: $(if $(filter gnutls,$(CURL)),deps-matrix,deps-test)
	@CPPFLAGS="$(CPPFLAGS)" LDFLAGS="$(LDFLAGS)" tools/run_matrix $(LUA) $(CURL) -- $(or $(SPECS),$(MATRIX_SPECS))

# No script of a package runs; the versions are those of package.json.
INTEROP := build/interop

$(INTEROP)/installed: tools/interop/package.json | deps-interop
	@mkdir -p $(@D) && cp $< $(@D)/
	@cd $(@D) && npm install --engine-strict --ignore-scripts --omit=optional --no-package-lock \
	  --no-audit --no-fund --loglevel=error && touch installed

interop: deps-interop build $(INTEROP)/installed
	@tools/run_specs $(LUA) -- spec/interop/*_spec.lua

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes -Werror
LUA_TEXT = lua bin/mic spec examples sandbox tools fuzz bench .busted .luacheckrc $(wildcard *.rockspec)

lint: deps-lint
	luacheck -q $(wildcard $(LUA_TEXT))
	clang-format --dry-run -Werror $(SOURCES) $(TERMINAL_SOURCES) $(HEADERS) \
	  $(wildcard fuzz/*.[ch] spec/c/*.[ch] tools/*.c bench/*.[ch])
	@$(MAKE) --no-print-directory BUILD_ROOT=build/lint/gcc CC=gcc CFLAGS="-O2 $(WARNINGS)" build
	@$(MAKE) --no-print-directory BUILD_ROOT=build/lint/clang CC=clang CFLAGS="-O2 $(WARNINGS)" build
	clang-tidy --quiet $(SOURCES) $(TERMINAL_SOURCES) -- -std=c11 -I$(LUA_INCDIR)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --suppress=toomanyconfigs \
	  --error-exitcode=1 -I$(LUA_INCDIR) $(SOURCES) $(TERMINAL_SOURCES)

# Except those that count threads: ThreadSanitizer starts some of its own.
TSAN_SPECS = $(patsubst %,spec/%_spec.lua,engine transport nginx nginx_life) \
  --filter-out=in.the.master --filter-out=or.thread.behind --filter-out=code_cache.off
SANITIZE = -fsanitize=address,undefined,float-cast-overflow \
  -fno-sanitize-recover=undefined,float-cast-overflow

sanitize: deps-test
	@for lua in lua5.4 luajit; do $(MAKE) --no-print-directory LUA=$$lua BUILD_ROOT=build/sanitize \
	  CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZE)" build || exit 1; done
	@tools/run_sanitized address $(CC) lua5.4 build/sanitize/lua5.4 $(if $(SPECS),-- $(SPECS))

tsan: deps-test
	@for lua in lua5.4 luajit; do $(MAKE) --no-print-directory LUA=$$lua BUILD_ROOT=build/tsan \
	  CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=thread" build || exit 1; done
	@tools/run_sanitized thread $(CC) lua5.4 build/tsan/lua5.4 -- $(TSAN_SPECS)

MEMCHECK = valgrind --quiet --error-exitcode=99 --leak-check=full

valgrind: deps-valgrind build
	@tools/run_specs --under "$(MEMCHECK)" $(LUA)
	@rm -rf build/memcheck && mkdir build/memcheck
	@MIC_NGINX_UNDER="$(MEMCHECK) --suppressions=$(CURDIR)/tools/nginx.memcheck \
	  --log-file=$(CURDIR)/build/memcheck/%p" tools/run_specs $(LUA) -- spec/nginx_alone_spec.lua
	@! cat build/memcheck/* | grep .

fuzz: deps-fuzz
	fuzz/run $(SECONDS)

# Programs with their own Lua and an allocator that fails on demand.
ALLOCATING := $(BUILD)/failing_allocations
COLLECTING := $(BUILD)/collecting_lua
BRUTAL = core core_close core_exchange core_record call response session refresh json fetch batch \
  stream

$(ALLOCATING): spec/c/canned_server.c
$(ALLOCATING) $(COLLECTING): $(BUILD)/%: spec/c/%.c spec/c/failing_allocator.c $(wildcard spec/c/*.h)
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -O1 -g -fno-builtin -rdynamic -I$(LUA_INCDIR) \
	  -o $@ $(filter %.c,$^) $(LUA_LIBS)

allocations: deps-test build $(ALLOCATING)
	@$(WITH_MIC) $(ALLOCATING) spec/allocation/*.lua

brutal-gc: deps-test build $(ALLOCATING) $(COLLECTING)
	@$(WITH_MIC) $(ALLOCATING) --collect spec/allocation/*.lua
	@tools/run_specs --build $(BUILD) $(CURDIR)/$(COLLECTING) -- $(BRUTAL:%=spec/%_spec.lua)

# SECONDS applies here if it was given.
SIMULATED = $(if $(SEED),seed=$(SEED)) $(if $(EXPIRIES),expiries=$(EXPIRIES)) \
  $(if $(filter file,$(origin SECONDS)),,seconds=$(SECONDS)) $(if $(EACH),each=$(EACH))

simulate: deps-run build
	@$(WITH_MIC) $(LUA) spec/simulation/run.lua $(SIMULATED)

bench: deps-test build
	@CC="$(CC)" bench/run $(LUA) $(BENCH)

bench-nginx: deps-bench-nginx build luajit
	@$(WITH_MIC) RESTY_HTTP="$(RESTY_HTTP)" $(LUA) bench/nginx.lua

# What the command `mic sandbox` runs; data for nginx, not modules of the interpreter.
SANDBOX := $(filter-out %.md %.c,$(wildcard sandbox/*))
INSTALLED_SANDBOX = $(INSTALL_LMOD)/mic/sandbox

install: build
	install -d "$(DESTDIR)$(INSTALL_CMOD)/mic" "$(DESTDIR)$(INSTALL_LMOD)"
	install -m 755 $(MODULE) "$(DESTDIR)$(INSTALL_CMOD)/mic/core.so"
	install -m 755 $(TERMINAL) "$(DESTDIR)$(INSTALL_CMOD)/mic/terminal.so"
	cd lua && find . -name '*.lua' | while read -r file; do \
	  install -d "$(DESTDIR)$(INSTALL_LMOD)/$$(dirname "$$file")" && \
	  install -m 644 "$$file" "$(DESTDIR)$(INSTALL_LMOD)/$$file" || exit 1; done
	install -d "$(DESTDIR)$(INSTALLED_SANDBOX)"
	install -m 644 $(SANDBOX) "$(DESTDIR)$(INSTALLED_SANDBOX)/"
	install -d "$(DESTDIR)$(BINDIR)"
	sed -e "1s|.*|#!$$(command -v $(LUA))|" -e 's|^-- PATHS$$|package.path = "$(INSTALL_LMOD)/?.lua;" .. package.path\npackage.cpath = "$(INSTALL_CMOD)/?.so;" .. package.cpath|' \
	  bin/mic >$(BUILD)/mic.installed
	install -m 755 $(BUILD)/mic.installed "$(DESTDIR)$(BINDIR)/mic"
	install -d "$(DESTDIR)$(MANDIR)"
	install -m 644 man/mic.1 "$(DESTDIR)$(MANDIR)/mic.1"

# Removes the installed files, and folders that are then empty.
uninstall:
	rm -f "$(DESTDIR)$(INSTALL_CMOD)/mic/core.so" "$(DESTDIR)$(INSTALL_CMOD)/mic/terminal.so" \
	  "$(DESTDIR)$(BINDIR)/mic" "$(DESTDIR)$(MANDIR)/mic.1"
	cd lua && find . -name '*.lua' | while read -r file; do \
	  rm -f "$(DESTDIR)$(INSTALL_LMOD)/$$file" || exit 1; done
	for file in $(notdir $(SANDBOX)); do \
	  rm -f "$(DESTDIR)$(INSTALLED_SANDBOX)/$$file" || exit 1; done
	for folder in "$(DESTDIR)$(INSTALL_CMOD)/mic" "$(DESTDIR)$(INSTALL_LMOD)/mic"; do \
	  [ ! -d "$$folder" ] || find "$$folder" -depth -type d -empty -delete || exit 1; done

VERSION = $(shell sed -n 's/^.define MIC_VERSION "\(.*\)"/\1/p' src/core/base.h)
RELEASED = $(shell sed -n 's/^.. $(VERSION) - //p' CHANGELOG.md)
DIST := $(BUILD_ROOT)/dist
TARBALL = lua-mic-$(VERSION).tar.gz
ROCK = lua-mic-$(VERSION)-1

# Names, modes, owners and times do not depend on the machine: times are the day of the release.
dist:
	@[ -n "$(RELEASED)" ] || { echo "CHANGELOG.md has no line '## $(VERSION) - DATE'" >&2; exit 1; }
	@[ ! -e .git ] || [ -z "$$(git status --porcelain)" ] || \
	  echo "make dist: this folder has changes that are not committed" >&2
	@mkdir -p $(DIST)
	@find . \( -path ./.git -o -path ./build -o -path ./$(BUILD_ROOT) -o -path ./.cache \) -prune -o -type f \
	  ! -name '*.[ao]' ! -name '*.so' ! -name '*.rock' ! -name 'luacov.*' ! -name 'core.[0-9]*' -print | \
	  LC_ALL=C sort | tar --create --files-from=- --transform='s|^\.|lua-mic-$(VERSION)|' --format=ustar \
	  --mode=u+rw,go-w,a+rX --owner=0 --group=0 --numeric-owner --mtime='$(RELEASED) UTC' | \
	  gzip -9n >$(DIST)/$(TARBALL)
	@cd $(DIST) && sha256sum $(TARBALL)

# What `luarocks pack` makes, without the address in the rockspec, and always the same bytes.
rock: dist
	@$(ROCKSPEC) >$(DIST)/$(ROCK).rockspec
	@cd $(DIST) && rm -f $(ROCK).src.rock && chmod 644 $(TARBALL) $(ROCK).rockspec && touch -d '$(RELEASED) UTC' $(TARBALL) $(ROCK).rockspec && \
	  TZ=UTC0 zip -qX $(ROCK).src.rock $(ROCK).rockspec $(TARBALL) && sha256sum $(ROCK).src.rock

# The address of a release is its tarball, beside the rockspec.
SOURCE_URL = file://$(TARBALL)
ROCKSPEC = sed -e 's/^version = .*/version = "$(VERSION)-1"/' -e 's|^  url = .*|  url = "$(SOURCE_URL)",|' \
  lua-mic-scm-1.rockspec

rockspec:
	@$(ROCKSPEC) >rockspecs/$(ROCK).rockspec

clean:
	rm -rf build

deps:
	$(deps) build run test matrix lint fuzz valgrind -- $(sort $(LUA) $(LUAS))

# The dependencies of single targets: deps-run, deps-test, …
deps-%:
	$(deps) build $* -- $(sort $(LUA) $(if $(filter test,$*),$(LUAS)))
deps-build:
	$(deps) build -- $(LUA)
