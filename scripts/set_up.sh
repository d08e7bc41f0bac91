#!/bin/sh
# Make .venv and install the project with its pinned dependencies into it. Safe to repeat.
set -eu
cd "$(dirname "$0")/.."
venv=.venv

fits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if ! fits "$venv/bin/python"; then
    python=
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
        if [ -n "$candidate" ] && fits "$candidate"; then python=$candidate; break; fi
    done
    if [ -z "$python" ]; then
        echo "OpenBOSS needs Python 3.11 or newer with the venv module." >&2
        echo "Debian and Ubuntu: apt install python3 python3-venv.  Or say where it is: make PYTHON=/path/to/python3" >&2
        exit 1
    fi
    echo "set-up: making $venv with $($python --version)"
    "$python" -m venv --clear "$venv"
fi

echo "set-up: installing dependencies (about a minute with pip, a few seconds with uv)"
started=$(date +%s)
"$venv/bin/python" scripts/install.py "$venv"
touch "$venv/.openboss-installed"
echo "set-up: done in $(($(date +%s) - started)) s"
