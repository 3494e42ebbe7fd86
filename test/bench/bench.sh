#!/usr/bin/env bash
# bench.sh: how fast leadscore is here, as ratios to the plain scan; `make bench`.
#
#   make bench                  a million leads
#   make bench ROWS=10000000    ten million
#   make bench ROUNDS=3         fewer rounds than 5
#   make bench PEERS=1          installs scikit-learn, XGBoost and liblinear by
#                               apt-get, which are measured beside it where they exist
#
# On a throw-away PostgreSQL, like the tests.  Absolute times say little about
# another machine, and nothing about a shared one: what counts is the ratio to
# the scan of the same columns in the same round.  So no time is ever a failure;
# only what cannot be computed is.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rows=${ROWS:-1000000} rounds=${ROUNDS:-5}

install_peers() {
	local run=() need=()
	[ "$(id -u)" = 0 ] || run=(sudo)
	[ -x /usr/bin/liblinear-train ] || need+=(liblinear-tools)
	local module
	for module in sklearn xgboost psycopg2 pandas; do
		/usr/bin/python3 -c "import $module" 2>/dev/null || need+=("python3-$module")
	done
	[ "${#need[@]}" != 0 ] || return 0
	cluster_say "Installing with apt-get: ${need[*]}"
	"${run[@]}" apt-get update -qq
	"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
		--no-install-recommends -o Dpkg::Use-Pty=0 "${need[@]}" >/dev/null
}

# Tables that fit into shared memory, so that a round reads no files; nothing
# that works in the background; no compiling of expressions.
configure() {
	local memory need
	memory=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
	need=$((256 + rows / 1000))
	[ "$need" -le $((memory / 4)) ] || need=$((memory / 4))
	cat >>"$CLUSTER/data/postgresql.conf" <<-CONF
		shared_buffers = ${need}MB
		max_wal_size = 20GB
		checkpoint_timeout = 1d
		autovacuum = off
		jit = off
	CONF
	(cd / && "${AS_SERVER[@]}" "$PG_BINDIR/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/server.log" \
		-m fast -w -s restart)
}

generate() {
	local shared=$TOP/../shared/bench/gen_leads.sql own=$here/generate.sql
	export BENCH_GENERATOR=shared
	[ -r "$shared" ] || { shared=$own BENCH_GENERATOR=own; }
	cluster_say "Making $rows leads …"
	psql -Xq -v rows="$rows" -v rel=leads -v pts=1 -f "$shared" >/dev/null
}

main() {
	[[ $rows =~ ^[0-9]+$ && $rows -ge 10000 ]] || { echo "ROWS: a whole number, at least 10000" >&2; exit 2; }
	[[ $rounds =~ ^[1-9][0-9]*$ ]] || { echo "ROUNDS: a whole number, at least 1" >&2; exit 2; }
	"$here/../setup.sh" demo
	# shellcheck source=test/cluster.sh
	. "$here/../cluster.sh"
	cluster_remove_at_exit
	[ -z "${PEERS:-}" ] || install_peers
	cluster_make
	configure
	createdb bench
	export PGDATABASE=bench PGOPTIONS='-c client_min_messages=error'
	generate
	psql -Xq -v ON_ERROR_STOP=1 -v rows="$rows" -f "$here/cases.sql"
	(cd "$CLUSTER" && perl "$here/measure.pl" "$rows" "$rounds" "$here/peers.py")
	serve
}

# The service, where it was built and there is something to load it with.
serve() {
	if [ -x "$PG_BINDIR/leadscore" ] && command -v wrk >/dev/null; then
		(cd "$CLUSTER" && perl "$here/serve.pl" "$rounds")
	else
		cluster_say "leadscore serve is not measured: it needs its libraries, and wrk."
	fi
}

main
