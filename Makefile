# leadscore: lead scoring inside PostgreSQL.
#
# sql/ holds what is installed, test/ drives it, expected/ is what must come out.

EXTENSION  = leadscore
MODULE_big = leadscore
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
DATA       = $(wildcard sql/leadscore--*.sql)

# -ffp-contract=off: the same sums on processors with and without fused multiply-add
PG_CFLAGS  = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
             -Wno-missing-field-initializers -ffp-contract=off

REGRESS      = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=leadscore

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*.h)
