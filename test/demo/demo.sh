#!/usr/bin/env bash
# demo.sh [--keep | --stop]: lead scoring told as a story, on a throw-away server.
#
# `make demo` runs it, `make playground` with --keep: then the server stays, and
# --stop (`make playground-stop`) removes it.  A CSV of the user's own comes by
# LEADSCORE_CSV, LEADSCORE_LABEL and, if wanted, LEADSCORE_OPTIONS (the options
# of lead_train as JSON).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/cluster.sh
. "$here/../cluster.sh"
remembered=$TOP/.playground

load_made_up() {
	psql -Xq -v ON_ERROR_STOP=1 -f "$here/generate_leads.sql"
	story=$here/story.sql
}

# import.pl writes the script, psql runs it with the file as its input.
load_csv() {
	local label label_text show script=$CLUSTER/import.sql facts=$CLUSTER/facts
	local uncompress=(cat --)
	case $csv in *.[gG][zZ]) uncompress=(gzip -dc --) ;; esac
	IMPORT_FACTS=$facts perl "$here/import.pl" "$csv" "${LEADSCORE_LABEL:-}" >"$script"
	"${uncompress[@]}" "$csv" | psql -Xq -v ON_ERROR_STOP=1 -f "$script"
	{ read -r label; read -r label_text; IFS= read -r show; } <"$facts"

	export STORY_FILE=${csv##*/} STORY_LABEL=$label STORY_LABEL_TEXT=$label_text STORY_SHOW=$show
	export STORY_OPTIONS='' STORY_BEST=kept_back
	export STORY_BEST_TEXT='The ten best of the rows that were kept back, and why.'
	if [ -n "${LEADSCORE_OPTIONS:-}" ]; then
		STORY_OPTIONS=", '${LEADSCORE_OPTIONS//\'/\'\'}'"
	fi
	if [ "$(psql -XAtqc "SELECT EXISTS (SELECT FROM leads WHERE $label IS NULL)")" = t ]; then
		STORY_BEST="(SELECT * FROM leads WHERE $label IS NULL)"
		STORY_BEST_TEXT='The ten best of the leads whose outcome is not known yet, and why.'
	fi
	story=$here/story_csv.sql
}

tell() {
	perl "$here/tell.pl" "$story" && return
	[ -z "$csv" ] || cat <<-TEXT

		The story ends here. If the message above names columns to leave out, say so:
		    make demo DATA=$csv LABEL=$LEADSCORE_LABEL OPTIONS='{"exclude": ["column", …]}'
	TEXT
	exit 1
}

playground_stop() {
	[ -f "$remembered" ] || cluster_die "no playground is running"
	read -r CLUSTER PG_BINDIR <"$remembered"
	# Only a directory of our making is removed.
	[[ $CLUSTER == */leadscore.?????? && -d $CLUSTER ]] || {
		rm -f "$remembered"
		cluster_die "the playground is gone already"
	}
	cluster_server_user
	cluster_remove
	rm -f "$remembered"
	echo "The playground is gone."
}

what_next() {
	if [ "$keep" ]; then
		createdb quickstart
		psql -Xq -d quickstart -v ON_ERROR_STOP=1 -f "$here/generate_leads.sql"
		printf '%s %s\n' "$CLUSTER" "$PG_BINDIR" >"$remembered"
		cat <<-TEXT

			The playground is yours
			=======================

			The server keeps running, with all that you have seen. Connect with

			    $PG_BINDIR/psql -h $CLUSTER -U postgres leads

			and look at what the story made (\\d), or at \\df lead_score. The examples of
			README.md run from their first line on in a database that holds the leads alone:

			    $PG_BINDIR/psql -h $CLUSTER -U postgres quickstart

			    make playground-stop
			stops the server and removes it.
		TEXT
		CLUSTER=
		return
	fi
	cluster_remove
	cat <<-TEXT

		What next?
		==========

		The server and its directory are gone, nothing of this was installed. You may
		    make playground                               do all that again and keep the server
		    make demo DATA=leads.csv LABEL=column         tell the story of your own leads
		    make && make install                          install into your PostgreSQL
		and README.md says what every function does.
	TEXT
}

main() {
	keep='' csv=${LEADSCORE_CSV:-}
	case ${1:-} in
		--stop) playground_stop; return ;;
		--keep) keep=1 ;;
	esac
	[ -z "$keep" ] || [ ! -f "$remembered" ] ||
		cluster_die "a playground is running already: make playground-stop"
	# A wrong path is told before anything is built.
	[ -z "$csv" ] || [ -r "$csv" ] || cluster_die "DATA=$csv: no such file, or not readable"

	SECONDS=0
	"$here/../setup.sh" demo
	cluster_remove_at_exit
	cluster_make
	echo "$("$PG_CONFIG" --version), a throw-away server with leadscore in it: $SECONDS seconds."
	createdb leads
	export PGDATABASE=leads
	psql -Xq -c 'CREATE EXTENSION leadscore'
	SECONDS=0
	if [ -n "$csv" ]; then load_csv; else load_made_up; fi
	echo "Leads loaded: $SECONDS seconds."
	tell
	what_next
}

main "$@"
