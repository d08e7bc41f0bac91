#!/bin/sh
# Have Chromium and a Chinese font for the browser tests: find them, or as root install Debian's packages.
# Never fails: without a browser those tests are skipped in one line, except in CI, where they fail.
found() {
    for name in chromium chromium-browser google-chrome; do command -v "$name" >/dev/null 2>&1 && return 0; done
    return 1
}
chinese() { command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list :lang=zh 2>/dev/null | head -n 1)" ]; }

missing=
found || missing="chromium"
chinese || missing="$missing fonts-noto-cjk fontconfig"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "set-up: installing$(printf ' %s' $missing) for the browser tests"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; } ||
        echo "set-up: could not install $missing"
fi
exit 0
