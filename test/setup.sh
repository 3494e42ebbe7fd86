#!/usr/bin/env bash
# setup.sh demo|test: installs, by apt-get, what the demo or the tests need and
# this machine lacks, and says what.  A machine that has everything is left as
# it is, without asking for any privilege.
#
# The PostgreSQL used is, in this order: that of PG_CONFIG, the newest one
# installed below /usr/lib/postgresql, the distribution's default.  Debian's
# package would make and start a cluster "main" when it is installed; nobody
# asked for one, so that is switched off for the time of the installation.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
die() { say "setup: $*"; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "please run this as root: $*"
	fi
}

newest_server() {
	[ -d /usr/lib/postgresql ] || return 0
	find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null |
		sed -nE 's|.*/([0-9]+)/bin/postgres$|\1|p' | sort -n | tail -n 1
}

# "postgresql" is an empty package that depends on the default version.
default_server() {
	apt-cache depends postgresql 2>/dev/null |
		sed -nE 's/^ *Depends: postgresql-([0-9]+)$/\1/p' | head -n 1
}

header() {
	printf '#include <%s>\n' "$1" | gcc -E - >/dev/null 2>&1
}

# Prints the packages for what is missing.  A file or a command is looked for,
# not a package: what was installed by other means is as good.
missing() {
	local purpose=$1 major=$2
	local lib=/usr/lib/postgresql/$major share=/usr/share/postgresql/$major
	command -v gcc >/dev/null || echo gcc
	echo '#include <stdlib.h>' | gcc -E - >/dev/null 2>&1 || echo libc6-dev
	command -v make >/dev/null || echo make
	command -v perl >/dev/null && perl -MFile::Temp -e1 2>/dev/null || echo perl
	if [ -n "$major" ]; then
		[ -x "$lib/bin/postgres" ] || echo "postgresql-$major"
		[ -e "$lib/lib/pgxs/src/makefiles/pgxs.mk" ] || echo "postgresql-server-dev-$major"
	fi
	[ "$purpose" = test ] || return 0
	command -v pg_prove >/dev/null || echo libtap-parser-sourcehandler-pgtap-perl
	perl -MTAP::Harness -e1 2>/dev/null || echo perl
	# what reads a view as BI tools do: by ODBC, by JDBC
	perl -MDBD::ODBC -e1 2>/dev/null || echo libdbd-odbc-perl
	[ -n "$(find /usr/lib -name psqlodbcw.so -print -quit 2>/dev/null)" ] || echo odbc-postgresql
	[ -e /usr/share/java/postgresql.jar ] || echo libpostgresql-jdbc-java
	command -v javac >/dev/null || echo default-jdk-headless
	# what opens a report, and letters as wide as Helvetica's
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || echo chromium
	[ -n "$(find /usr/share/fonts -name 'LiberationSans-Regular.*' -print -quit 2>/dev/null)" ] || echo fonts-liberation
	# what the program leadscore is made of, and what drives it
	header libpq-fe.h || header postgresql/libpq-fe.h || echo libpq-dev
	header microhttpd.h || echo libmicrohttpd-dev
	header jansson.h || echo libjansson-dev
	header zlib.h || echo zlib1g-dev
	perl -MIO::Pty -e1 2>/dev/null || echo libio-pty-perl
	command -v curl >/dev/null || echo curl
	if [ -n "$major" ]; then
		[ -e "$share/extension/pgtap.control" ] || echo "postgresql-$major-pgtap"
		[ -e "$share/extension/pg_cron.control" ] || echo "postgresql-$major-cron"
	fi
}

# Without a client its test skips and says so: a release that lacks the package
# is no reason to stop.
available() {
	local package
	for package in "$@"; do
		case $package in
			libdbd-odbc-perl | odbc-postgresql | libpostgresql-jdbc-java | default-jdk-headless | chromium | fonts-liberation | postgresql-*-cron)
				if [ -z "$(apt-cache madison "$package" 2>/dev/null)" ]; then
					say "There is no package $package here."
					continue
				fi
				;;
		esac
		printf '%s\n' "$package"
	done
}

install_packages() {
	local conf=/etc/postgresql-common/createcluster.d/leadscore-setup.conf status=0
	say "Installing what is missing, with apt-get: $*"
	as_root mkdir -p "${conf%/*}"
	echo "create_main_cluster = false" | as_root tee "$conf" >/dev/null
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 \
		"$@" </dev/null >"$log" 2>&1 || status=$?
	as_root rm -f "$conf"
	as_root rmdir --ignore-fail-on-non-empty "${conf%/*}"
	[ "$status" = 0 ] || { tail -n 20 "$log" >&2; die "apt-get failed"; }
	say "Installed."
}

main() {
	local purpose=${1:?demo or test} major='' packages updated=
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	export LC_ALL=C

	if [ -z "${PG_CONFIG:-}" ]; then
		major=$(newest_server)
		if [ -z "$major" ]; then
			command -v apt-cache >/dev/null ||
				die "no PostgreSQL below /usr/lib/postgresql and no apt-get here; give PG_CONFIG"
			as_root apt-get update -qq >"$log" 2>&1 || { cat "$log" >&2; die "apt-get update failed"; }
			updated=1
			major=$(default_server)
			[ -n "$major" ] || die "apt-get knows no package postgresql"
		fi
	fi

	mapfile -t packages < <(missing "$purpose" "$major" | sort -u)
	[ "${#packages[@]}" = 0 ] && return
	command -v apt-get >/dev/null ||
		die "missing, in the words of Debian: ${packages[*]}"
	[ -n "$updated" ] ||
		as_root apt-get update -qq >"$log" 2>&1 || { cat "$log" >&2; die "apt-get update failed"; }
	mapfile -t packages < <(available "${packages[@]}")
	[ "${#packages[@]}" = 0 ] && return
	install_packages "${packages[@]}"
}

main "$@"
