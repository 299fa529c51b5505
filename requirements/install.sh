#!/bin/sh
# install.sh bootstrap PYTHON | lab | dev: one step of filling .venv, called by the Makefile.
set -eu
cd "$(dirname "$0")/.."
step=$1
log=.venv/install.log

stop() { # what happened, what to do
    printf '%s\nNext: %s\n' "$1" "$2" >&2
    exit 1
}

failed() {
    tail -n 15 "$log" >&2
    stop "Installing the lab's packages failed; the whole log is $log." "check the network connection, then: make demo"
}

if [ "$step" = bootstrap ]; then
    python=${2:-}
    if [ -z "$python" ]; then
        found=$(python3 --version 2>&1 || echo 'no Python 3')
        stop "Express Lab needs Python 3.11, 3.12 or 3.13; this machine has $found." \
            "install one (python.org, 'brew install python@3.13', 'apt install python3.11 python3.11-venv'), then: make demo"
    fi
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null ||
        stop "Express Lab needs Python 3.11, 3.12 or 3.13; $python is $("$python" --version 2>&1)." \
            "make demo PYTHON=python3.12"
    echo "Making .venv with $("$python" --version) ..."
    rm -rf .venv
    "$python" -m venv .venv >/dev/null 2>&1 ||
        { rm -rf .venv; stop "Python could not make a virtual environment." \
            "on Debian and Ubuntu: apt install $(basename "$python")-venv, then: make demo"; }
    .venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt \
        >"$log" 2>&1 || failed
    exit 0
fi

# uv takes seconds, but knows only its own settings: where only pip is set up for the network at hand, pip does it.
install() {
    .venv/bin/uv pip install --python .venv/bin/python --compile-bytecode "$@" >>"$log" 2>&1 && return
    .venv/bin/python -m pip install --disable-pip-version-check --upgrade pip >>"$log" 2>&1
    .venv/bin/python -m pip install --disable-pip-version-check "$@" >>"$log" 2>&1
}

case $step in
lab) echo "Installing the lab's packages into .venv (once, under a minute) ..." ;;
dev) echo "Installing the packages for tests into .venv (once) ..." ;;
*) stop "There is no step '$step'." "make help" ;;
esac
install --require-hashes -r "requirements/$step.txt" || failed
if [ "$step" = lab ]; then
    install --no-deps --no-build-isolation --editable . || failed
fi
touch ".venv/$step.installed"
