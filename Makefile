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
endif
