#!/bin/bash
# Run a command with DATABASE_URL naming a throw-away PostgreSQL 15 of Debian: on_postgres15.sh COMMAND...
# The server is our own, in a temporary folder, on a port of its own; a server of the machine is not touched.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin

if [ ! -x "$bin/postgres" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "PostgreSQL 15 is not installed and cannot be (not root, or no apt): this pass is left out" >&2
        if [ -n "${CI:-}" ]; then exit 1; else exit 0; fi
    fi
    policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        policy= # somebody's own: it stays
    else # nothing that apt installs may start itself
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends postgresql-15 >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends postgresql-15 >/dev/null; }
fi
[ -z "${policy:-}" ] || rm -f "$policy"

folder=$(mktemp -d /tmp/openboss-pg15.XXXXXX)
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as() { setpriv --reuid=postgres --regid=postgres --init-groups env HOME="$folder" "$@"; }
else
    as() { "$@"; }
fi
stop() {
    (cd / && as "$bin/pg_ctl" -D "$folder/data" -m immediate -s -w stop) >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT

port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
here=$PWD
cd /
(umask 077; printf '%s\n' "$password" >"$folder/password")
[ "$(id -u)" != 0 ] || chown postgres "$folder/password"
as "$bin/initdb" -D "$folder/data" -U openboss --pwfile="$folder/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -s -w start \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c full_page_writes=off"
cd "$here"
DATABASE_URL="postgresql://openboss:$password@127.0.0.1:$port/postgres" "$@"
