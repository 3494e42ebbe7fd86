# shellcheck shell=bash
# cluster.sh, to be sourced: a throw-away PostgreSQL with leadscore in it.
#
#   cluster_make     copies PostgreSQL and this tree to a temporary directory,
#                    builds leadscore there, installs it into the copy, makes a
#                    cluster on a private socket and starts it
#   cluster_remove   stops it and removes every trace
#
# The system's PostgreSQL is read, never written: its files are relocatable, so
# a copy (some 50 MB) takes `make install` in its stead.  The server refuses to
# run as root; started by root, everything that is the server's belongs to the
# user postgres, or else nobody.  The directory is 0700, the server listens on
# no network.
#
# After cluster_make:  CLUSTER (the directory), PG_CONFIG and PG_BINDIR (of the
# copy), PGHOST, PGPORT, PGUSER and PATH point at it, AS_SERVER is the prefix
# that runs a command as the server's user.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CLUSTER=
AS_SERVER=()

cluster_say() { printf '%s\n' "$*" >&2; }
cluster_die() { cluster_say "$*"; exit 1; }

# One environment for everybody: no locale, no settings of the user's.
cluster_environment() {
	local name
	for name in $(compgen -e); do
		case $name in PG_CONFIG) ;; PG*) unset "$name" ;; esac
	done
	unset LANGUAGE MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
	export LANG=C LC_ALL=C TZ=UTC PGCLIENTENCODING=UTF8 PSQLRC=/dev/null
}

cluster_find_pg_config() {
	if [ -z "${PG_CONFIG:-}" ]; then
		local bin
		for bin in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5,5n); do
			[ -x "$bin/postgres" ] && PG_CONFIG=$bin/pg_config
		done
	fi
	if [ -z "${PG_CONFIG:-}" ] || ! "$PG_CONFIG" --version >/dev/null; then
		cluster_die "no pg_config; see test/setup.sh"
	fi
	[ -x "$("$PG_CONFIG" --bindir)/postgres" ] ||
		cluster_die "$PG_CONFIG belongs to no server"
	[ -e "$("$PG_CONFIG" --pgxs)" ] ||
		cluster_die "the development files of $("$PG_CONFIG" --version) are missing"
}

cluster_server_user() {
	local user
	AS_SERVER=()
	[ "$(id -u)" = 0 ] || return 0
	for user in postgres nobody; do
		if id "$user" >/dev/null 2>&1; then
			AS_SERVER=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
			return
		fi
	done
	cluster_die "started as root, and there is no user postgres or nobody to run the server"
}

# A directory that the server's user can reach and that may hold programs; short,
# for a socket's path has at most 107 bytes.
cluster_directory() {
	local base dir probe
	for base in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
		[ "${#base}" -le 60 ] || continue
		dir=$(mktemp -d "$base/leadscore.XXXXXX" 2>/dev/null) || continue
		probe=$dir/probe
		printf '#!/bin/sh\n' >"$probe"
		chmod 755 "$probe"
		[ "${#AS_SERVER[@]}" = 0 ] || chown -R "${AS_SERVER[1]#--reuid=}" "$dir"
		if (cd / && "${AS_SERVER[@]}" "$probe") 2>/dev/null; then
			rm "$probe"
			CLUSTER=$dir
			return
		fi
		rm -rf "$dir"
	done
	cluster_die "no usable temporary directory (tried ${TMPDIR:-/tmp}, /tmp, /var/tmp): it must be reachable by the server's user and allow programs to run; set TMPDIR"
}

# Those of libpq lie beside the server's directory, or above it.
cluster_copy_headers() {
	local header
	mkdir -p "$CLUSTER/pg$1"
	for header in "$1"/*.h; do
		[ ! -e "$header" ] || cp "$header" "$CLUSTER/pg$1/"
	done
}

cluster_copy_postgres() {
	local original=$PG_CONFIG part dir
	for part in bindir pkglibdir sharedir; do
		dir=$("$original" "--$part")
		mkdir -p "$CLUSTER/pg$dir"
		cp -rL "$dir/." "$CLUSTER/pg$dir/"
	done
	dir=$("$original" --includedir-server)
	mkdir -p "$CLUSTER/pg${dir%/*}"
	ln -sfn "$dir" "$CLUSTER/pg$dir"
	cluster_copy_headers "$("$original" --includedir)"
	PG_BINDIR=$CLUSTER/pg$("$original" --bindir)
	PG_CONFIG=$PG_BINDIR/pg_config
	[ "$("$PG_CONFIG" --pkglibdir)" = "$CLUSTER/pg$("$original" --pkglibdir)" ] ||
		cluster_die "this PostgreSQL cannot be relocated: $("$PG_CONFIG" --pkglibdir)"
	export PG_CONFIG PG_BINDIR
	export PATH=$PG_BINDIR:$PATH
}

# Built in a copy: the tree may be read-only, and stays clean.
cluster_build() {
	mkdir "$CLUSTER/src"
	(cd "$TOP" && cp -r Makefile ./*.control sql src test "$CLUSTER/src/")
	[ ! -d "$TOP/expected" ] || cp -r "$TOP/expected" "$CLUSTER/src/"
	find "$CLUSTER/src" \( -name '*.o' -o -name '*.so' -o -name '*.bc' -o \
		-path '*/src/client/leadscore' \) -delete
	if ! make -C "$CLUSTER/src" -s -j"$(nproc)" with_llvm=no install >"$CLUSTER/build.log" 2>&1; then
		cat "$CLUSTER/build.log" >&2
		cluster_die "building leadscore failed"
	fi
	if grep -q 'warning:' "$CLUSTER/build.log"; then cat "$CLUSTER/build.log" >&2; fi
}

cluster_start() {
	[ "${#AS_SERVER[@]}" = 0 ] || chown -R "${AS_SERVER[1]#--reuid=}" "$CLUSTER"
	(
		cd /
		"${AS_SERVER[@]}" "$PG_BINDIR/initdb" -D "$CLUSTER/data" -U postgres -A trust \
			-E UTF8 --locale=C --no-sync
		cat >>"$CLUSTER/data/postgresql.conf" <<-CONF
			listen_addresses = ''
			unix_socket_directories = '$CLUSTER'
			fsync = off
			shared_buffers = 128MB
			max_wal_size = 2GB
			timezone = 'UTC'
			log_timezone = 'UTC'
		CONF
		"${AS_SERVER[@]}" "$PG_BINDIR/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/server.log" \
			-w -s start
	) >"$CLUSTER/initdb.log" 2>&1 || {
		cat "$CLUSTER/initdb.log" "$CLUSTER/server.log" >&2 2>/dev/null
		cluster_die "the throw-away cluster did not start"
	}
	export PGHOST=$CLUSTER PGPORT=5432 PGUSER=postgres
}

cluster_make() {
	umask 022
	cluster_environment
	cluster_find_pg_config
	cluster_server_user
	cluster_directory
	cluster_copy_postgres
	cluster_build
	cluster_start
}

cluster_remove() {
	[ -n "$CLUSTER" ] || return 0
	local dir=$CLUSTER
	CLUSTER=
	if [ -f "$dir/data/postmaster.pid" ]; then
		(cd / && "${AS_SERVER[@]}" "$PG_BINDIR/pg_ctl" -D "$dir/data" -m immediate -w -s stop) ||
			cluster_say "the server in $dir did not stop"
	fi
	rm -rf "$dir"
}

# However the script ends, by itself or by Ctrl-C, nothing stays behind.
cluster_remove_at_exit() {
	trap cluster_remove EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}
