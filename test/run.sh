#!/usr/bin/env bash
# run.sh: every test on a throw-away PostgreSQL; what `make test` runs.
#
# Four suites: pg_regress (test/sql, expected), pgTAP (test/pgtap), servers
# started and stopped (test/t), the SQL of README.md.  The last line is
# "N passed, N failed", over the assertions of all four; a suite that could not
# run, or holds no test, is a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
passed=0 failed=0 skipped=0
color=(--nocolor)
[ ! -t 1 ] || color=(--color)

finish() {
	local line="$passed passed, $failed failed"
	[ "$skipped" = 0 ] || line+=", $skipped skipped"
	printf '%s\n' "$line"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}

# suite NAME COMMAND…: runs it and adds up what the formatter Tally has counted.
suite() {
	local name=$1 p f s status=0 counted=
	shift
	printf '\n== %s\n' "$name"
	: >"$LEADSCORE_TALLY"
	"$@" || status=$?
	while read -r p f s; do
		counted=1
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		[ "$status" = 0 ] || [ "$f" != 0 ] || failed=$((failed + 1))
	done <"$LEADSCORE_TALLY"
	if [ -z "$counted" ]; then
		printf '%s could not run (exit status %s)\n' "$name" "$status"
		failed=$((failed + 1))
	fi
}

regress() { (cd "$CLUSTER/src" && prove --formatter Tally -v --comments test/regress.pl); }

# From the top of the tree: the real data lie in ../shared/data, if anywhere.
pgtap() {
	shopt -s nullglob
	local files=(test/pgtap/*.sql)
	[ "${#files[@]}" != 0 ] || { echo "no files"; return 1; }
	createdb pgtap &&
		psql -Xq -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION leadscore' pgtap &&
		PGOPTIONS='-c client_min_messages=warning' pg_prove "${color[@]}" --formatter Tally -d pgtap "${files[@]}"
}

# As the server's user, for these tests start servers of their own.
servers() {
	(cd "$CLUSTER/src" &&
		"${AS_SERVER[@]}" env TMPDIR="$CLUSTER" HOME="$CLUSTER" PERL5LIB="$PERL5LIB:test/t/lib" \
			LEADSCORE_DATA="$TOP/../shared/data" \
			prove --formatter Tally test/t/*.pl)
}

readme() {
	createdb readme &&
		PGDATABASE=readme psql -Xq -v ON_ERROR_STOP=1 -f test/demo/generate_leads.sql >/dev/null &&
		README_TMP=$CLUSTER PGDATABASE=readme prove --formatter Tally test/readme.pl :: README.md
}

main() {
	trap finish_early EXIT
	"$here/setup.sh" test
	# shellcheck source=test/cluster.sh
	. "$here/cluster.sh"
	cluster_remove_at_exit
	trap finish_early EXIT
	cluster_make
	"$PG_CONFIG" --version
	export LEADSCORE_TALLY=$CLUSTER/tally PERL5LIB=$CLUSTER/src/test/lib
	install -m 666 /dev/null "$LEADSCORE_TALLY"
	cd "$TOP"

	suite "pg_regress" regress
	suite "pgTAP" pgtap
	suite "servers" servers
	suite "README" readme

	trap - EXIT
	cluster_remove
	echo
	finish
}

# The set-up broke off: nothing was tested, which is a failure.
finish_early() {
	trap - EXIT
	[ -z "${CLUSTER:-}" ] || cluster_remove
	failed=$((failed + 1))
	finish
}

main
