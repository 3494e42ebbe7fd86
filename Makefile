# leadscore: lead scoring inside PostgreSQL.
#
# sql/ holds what is installed, test/ drives it, expected/ is what must come out.
#
#   make demo          a story on a throw-away PostgreSQL; installs what is missing
#   make playground    the same, but leaves the server running
#   make test          every test, on a throw-away PostgreSQL
#   make bench         times beside the plain scan, on a throw-away PostgreSQL
#   make, make install, make installcheck    into a PostgreSQL of yours (PGXS)

EXTENSION  = leadscore
MODULE_big = leadscore
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
DATA_built = sql/leadscore--1.0.sql
EXTRA_CLEAN = src/client/*.o src/client/*.inc src/client/leadscore

# -ffp-contract=off: the same sums on processors with and without fused multiply-add
PG_CFLAGS  = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
             -Wno-missing-field-initializers -ffp-contract=off

REGRESS      = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=leadscore

# These five bring their own PostgreSQL, so they work before pg_config exists.
# DATA is a name of PGXS, too, for files to install: a CSV given on the command
# line would be installed, so it travels under another name.
OWN_SERVER = demo playground playground-stop test bench
.PHONY: $(OWN_SERVER)

ifneq ($(filter $(OWN_SERVER),$(MAKECMDGOALS)),)
csv = $(if $(filter command,$(origin DATA)),$(DATA))

demo playground: export LEADSCORE_CSV = $(csv)
demo playground: export LEADSCORE_LABEL = $(LABEL)
demo playground: export LEADSCORE_OPTIONS = $(OPTIONS)

demo:
	@bash test/demo/demo.sh

playground:
	@bash test/demo/demo.sh --keep

playground-stop:
	@bash test/demo/demo.sh --stop

test:
	@bash test/run.sh

bench: export ROWS := $(ROWS)
bench: export ROUNDS := $(ROUNDS)
bench: export PEERS := $(PEERS)

bench:
	@bash test/bench/bench.sh
else
# the environment of `make demo DATA=…` has it, too
DATA =
PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifeq ($(PGXS),)
$(error $(PG_CONFIG) leads to no PGXS: install the server's development files (Debian: postgresql-server-dev-NN) or give PG_CONFIG; `make demo` installs what it needs by itself)
endif
include $(PGXS)

$(OBJS): $(wildcard src/*.h)

# The script that CREATE EXTENSION runs is its rooms, one after the other.
$(DATA_built): $(sort $(wildcard sql/leadscore--1.0/*.sql))
	awk 'FNR == 1 && NR > 1 { print "" } 1' $^ > $@

# The program leadscore, where there is what it is made of; nothing of it gets
# into the server's module, nor the server's headers and flags into it.
CLIENT         = src/client/leadscore
CLIENT_OBJS    = $(patsubst %.c,%.o,$(sort $(wildcard src/client/*.c)))
CLIENT_HEADERS = libpq-fe.h microhttpd.h jansson.h zlib.h
CLIENT_LIBS    = -lpq -lmicrohttpd -ljansson -lz -lm -pthread
CLIENT_CFLAGS  = -std=gnu11 -O2 -g -Wall -Wextra -pthread $(COPT)
CLIENT_DEFINES = -D_GNU_SOURCE -I$(includedir) \
                 -DLEADSCORE_VERSION='"$(shell sed -n "s/^default_version = '\(.*\)'/\1/p" leadscore.control)"'

client_ready := $(shell printf '\043include <%s>\n' $(CLIENT_HEADERS) | \
                  $(CC) -E -I$(includedir) - >/dev/null 2>&1 && echo yes)

.PHONY: client install-client uninstall-client
all: client
install: install-client
uninstall: uninstall-client

ifeq ($(client_ready),yes)
client: $(CLIENT)

# What the service hands out is built in, as lists of bytes.
src/client/page.o: $(addsuffix .inc,$(addprefix src/client/,page.html page.css page.js openapi.json))

%.inc: %
	od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' > $@

$(CLIENT_OBJS): %.o: %.c $(wildcard src/client/*.h)
	$(CC) $(CLIENT_CFLAGS) $(CLIENT_DEFINES) -c -o $@ $<

$(CLIENT): $(CLIENT_OBJS)
	$(CC) $(CLIENT_CFLAGS) -o $@ $^ -L$(libdir) $(CLIENT_LIBS)

install-client: client
	$(MKDIR_P) '$(DESTDIR)$(bindir)' '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_PROGRAM) $(CLIENT) '$(DESTDIR)$(bindir)/leadscore'
	$(INSTALL_DATA) src/client/leadscore.1 '$(DESTDIR)$(mandir)/man1/leadscore.1'

uninstall-client:
	rm -f '$(DESTDIR)$(bindir)/leadscore' '$(DESTDIR)$(mandir)/man1/leadscore.1'
else
client:
	@echo 'The program leadscore is left out, which needs (Debian): libpq-dev libmicrohttpd-dev libjansson-dev zlib1g-dev'

install-client uninstall-client: client
endif
endif
