#!/bin/sh
# Gets Debian's or Ubuntu's Chromium where no browser is installed and apt may be used; never an error: without a
# browser the browser tests say how to get one.
set -u
cd "$(dirname "$0")/../.."
python=.venv/bin/python
"$python" -m tests.browser.find >/dev/null 2>&1 && exit 0

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true >/dev/null 2>&1; then
        as_root='sudo -n'
    else
        as_root=none
    fi
    if [ "$as_root" != none ]; then
        echo "Installing Chromium for the browser tests (once) ..."
        mkdir -p out
        {
            $as_root apt-get update
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium ||
                $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium-browser
        } >out/install_chromium.log 2>&1 </dev/null
    fi
fi
"$python" -m tests.browser.find >/dev/null || "$python" -m tests.browser.find
exit 0
