#!/bin/sh
# Have the real network parts that some tests talk to: find them, or as root install Debian's packages.
# Never fails: without them those tests are skipped with a reason.
missing=
command -v osmo-hlr >/dev/null 2>&1 || missing="osmo-hlr"
command -v tshark >/dev/null 2>&1 || missing="$missing tshark"
command -v h2load >/dev/null 2>&1 || missing="$missing nghttp2-client"
command -v radclient >/dev/null 2>&1 || missing="$missing freeradius-utils"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "set-up: installing$(printf ' %s' $missing) for tests with real network parts"
    export DEBIAN_FRONTEND=noninteractive
    # Nothing may start by itself: the tests start what they need, on ports of their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; } ||
        echo "set-up: could not install $missing"
fi
exit 0
