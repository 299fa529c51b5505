#!/bin/sh
# install.sh lab|dev|site [PYTHON [WHEELS]]: sees to it that .venv holds what the lab, its tests or its site need. The
# Makefile calls it each time; with nothing to do it takes a tenth of a second. What it does anew, it says why. With a
# folder of WHEELS (make wheels) it asks no network.
set -eu
case $(uname -s) in MINGW* | MSYS* | CYGWIN*)
    echo "Express Lab does not run on Windows itself: use WSL (wsl --install, then this folder inside it) or Docker Desktop (docker compose up)." >&2
    exit 1 ;;
esac
cd "$(dirname "$0")/.."
. requirements/python.sh
step=$1
python=${2:-}
wheels=${3:-}
case $wheels in "~/"*) wheels=$HOME/${wheels#??} ;; esac
log=.venv/install.log
turn=.installing # who installs makes this folder
range="Python 3.$oldest to 3.$newest"

# Where packages come from is the user's to say (indexes, proxies, certificates). Where they go, and which, is not.
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_NO_DEPS PIP_ONLY_BINARY PIP_CONSTRAINT PIP_REQUIREMENT PIP_EDITABLE \
    PIP_REPORT PIP_DOWNLOAD PIP_IGNORE_REQUIRES_PYTHON PIP_PLATFORM PIP_ABI PIP_IMPLEMENTATION PIP_PYTHON_VERSION PIP_SRC \
    UV_SYSTEM_PYTHON UV_PYTHON UV_NO_BINARY UV_NO_BINARY_PACKAGE UV_CONSTRAINT UV_OVERRIDE UV_EXCLUDE_NEWER \
    UV_RESOLUTION UV_PRERELEASE UV_BREAK_SYSTEM_PACKAGES UV_COMPILE_BYTECODE \
    PYTHONHOME PYTHONPATH PYTHONWARNINGS PYTHONSTARTUP PYTHONUSERBASE PYTHONPLATLIBDIR PYTHONEXECUTABLE PYTHONSAFEPATH
export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_REQUIRE_HASHES=0 PIP_DRY_RUN=0 PIP_NO_BINARY=:none: PIP_DISABLE_PIP_VERSION_CHECK=1
# Where the home cannot be written, uv would not start.
mkdir -p "${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/uv}" 2>/dev/null || export UV_NO_CACHE=1

stop() { # what happened, what to do
    printf '%s\nNext: %s\n' "$1" "$2" >&2
    exit 1
}

failed() { # say the true cause, as far as the log tells: what pip said where it was asked, since it was the last resort
    tail -n 8 "$log" | cut -c1-300 >&2
    what="Installing the lab's packages failed; the whole log is $log."
    explain "$(sed '1,/^With pip:$/d' "$log")"
    explain "$(cat "$log")"
    stop "$what" "see the last lines above, then: make demo"
}

explain() { # stop with the cause that the text $1 tells; come back when it tells none
    said() { printf '%s\n' "$text" | grep -qiE "$1"; }
    text=$1
    if said 'no space left|disk quota'; then
        stop "$what
The disk is full." "free about 1 GB, then: make demo"
    elif said 'read-only file system|permission denied|operation not permitted'; then
        stop "$what
A folder cannot be written." "see the last lines above; copy the project into a folder of your own, then: make demo"
    elif said 'do not match the hashes|hash mismatch'; then
        stop "$what
A package is not the one that the lock names: a download was cut or changed on its way." "make demo, once more; behind a company's package index, ask whether it changes packages"
    elif said 'certificate.verify.failed|peer certificate|self.signed certificate|issuer certificate|unknownissuer'; then
        stop "$what
A server's certificate is not trusted: a proxy of your network signs with its own." "export SSL_CERT_FILE=/path/to/its-certificates.pem PIP_CERT=\$SSL_CERT_FILE, then: make demo"
    elif said 'failed building wheel|failed to build|unable to execute|command .*(cc|gcc|clang).* failed'; then
        stop "$what
A package has no ready-made build for this machine ($(uname -sm), $(.venv/bin/python --version 2>&1))." "make demo PYTHON=python3.13, or use Docker: docker compose up"
    elif [ -n "$wheels" ] && said 'no matching distribution|not find a version|no version of|no solution'; then
        stop "$what
The folder of wheels has no wheel that this machine can use." "on this machine, or one like it, with a network: make wheels"
    elif said 'name resolution|resolve host|dns error|network|connection|connect|timed out|timeout|sending request|unreachable|proxy'; then
        stop "$what
The package index could not be reached." "check the network connection and its proxy, then: make demo (what is here already is kept)"
    elif said 'no matching distribution|not find a version|no version of|no solution'; then
        stop "$what
The package index lacks a package of the lock." "unset PIP_INDEX_URL UV_INDEX_URL UV_DEFAULT_INDEX, or ask who keeps that index; then: make demo"
    fi
}

version_of() { "$1" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
# Whether the folder of wheels has what the Python $1 needs of a step ($2; its requirements go into the file $3, if given).
serves() { [ -z "$wheels" ] || "$1" -I -S requirements/wheel_folder.py "$wheels" "${2:-$step}" ${3:+"$3"}; }
serves_quietly() { serves "$1" 2>/dev/null; }
place() { (cd .venv && pwd -P); }
lock_of() { cat requirements/bootstrap.txt "requirements/$1.txt" pyproject.toml | cksum; }
current() { [ "$(cat ".venv/$1.installed" 2>/dev/null)" = "$(lock_of "$1")" ]; }

why_anew() { # why .venv, which is there, has to be made anew; nothing when it can be used
    if [ ! -f .venv/place ]; then
        echo "The environment in .venv is not complete."
    elif [ "$(cat .venv/place)" != "$(place)" ]; then
        echo "This folder was moved or copied."
    elif [ -n "$python" ] && [ "$(version_of "$python")" != "$(version_of .venv/bin/python)" ]; then
        echo "Another Python is wanted."
    elif ! .venv/bin/python -I -S requirements/intact.py "$oldest" "$newest" "$(cat .venv/lab.installed 2>/dev/null)" 2>/dev/null; then
        [ $? = 3 ] || echo "The Python that .venv was made with is gone."
    fi
}

keep_uv() { # uv needs no Python: with it and its cache a folder that was moved is made anew without the network
    kept=
    if [ -x .venv/bin/uv ] && [ -x "$(command -v mktemp)" ] && grep -q "^uv==$(.venv/bin/uv --version 2>/dev/null | cut -d ' ' -f 2) " requirements/bootstrap.txt; then
        kept=$(mktemp) && cp -p .venv/bin/uv "$kept"
    fi
}

make_environment() {
    if [ -z "$python" ]; then
        python=$(find_python serves_quietly)
        [ -n "$python" ] || python=$(find_python)
        [ -n "$python" ] || stop "Express Lab needs $range; this machine has $(python3 --version 2>/dev/null || echo 'no Python 3')." \
            "$(how_to_get_python), then: make demo"
    fi
    if ! supported "$python"; then
        found=$("$python" --version 2>&1) && found="is $found" || found="cannot be run ($(echo "$found" | head -n 1))"
        stop "Express Lab needs $range; $python $found." "make demo, which finds one by itself; or: $(how_to_get_python)"
    fi
    serves "$python" || exit 1 # while what is there is there
    keep_uv
    rm -rf .venv 2>/dev/null || stop "$(pwd)/.venv cannot be removed: it belongs to another user, such as root." \
        "sudo rm -rf .venv, then, without sudo: make demo"
    mkdir .venv 2>/dev/null || stop "This folder cannot be written: $(pwd)" "copy the project into a folder of your own, then: make demo"
    echo "Making .venv with $("$python" --version) ..."
    if ! "$python" -I -m venv .venv >"$log" 2>&1; then
        reason=$(tail -n 1 "$log" | cut -c1-300)
        rm -rf .venv
        "$python" -I -c 'import ensurepip' >/dev/null 2>&1 || stop "Python could not make a virtual environment." \
            "on Debian and Ubuntu: sudo apt install $(basename "$python")-venv, then: make demo"
        # venv does not say why the pip that it started failed.
        [ "$(df -Pk . | tail -n 1 | sed -E 's/.* ([0-9]+) +[0-9]+% .*/\1/')" -gt 100000 ] 2>/dev/null ||
            stop "Python could not make a virtual environment: the disk is full." "free about 1 GB, then: make demo"
        stop "Python could not make a virtual environment: $reason" "make demo PYTHON=/path/to/another/python"
    fi
    [ -z "$kept" ] || mv "$kept" .venv/bin/uv
    [ -x .venv/bin/uv ] || pip_install --retries 2 --require-hashes -r requirements/bootstrap.txt >"$log" 2>&1 || failed
    if [ ! -x .venv/bin/uv ]; then
        .venv/bin/python -m pip config list >>"$log" 2>&1 || true
        stop "pip installed somewhere else than into .venv: $(grep -E '(target|prefix|root|user|python)=' "$log" | head -n 1)" \
            "take that line out of pip's configuration (pip config debug says which file), then: make demo"
    fi
    place >.venv/place
}

pip_install() {
    if [ -z "$wheels" ]; then .venv/bin/python -m pip install "$@"; else
        .venv/bin/python -m pip install --no-index --find-links "$wheels" "$@"
    fi
}

# uv takes seconds, but knows only its own settings: where only pip is set up for the network at hand, pip does it.
install() {
    if [ -n "$wheels" ]; then
        ln -sfn "$wheels" .venv/wheels # uv takes a comma in a path for the end of it
        .venv/bin/uv pip install --offline --no-index --find-links .venv/wheels --python .venv/bin/python --compile-bytecode "$@" >>"$log" 2>&1 && return
        echo "With pip:" >>"$log"
        pip_install "$@" >>"$log" 2>&1
        return
    fi
    .venv/bin/uv pip install --offline --python .venv/bin/python --compile-bytecode "$@" >/dev/null 2>&1 && return
    .venv/bin/uv pip install --python .venv/bin/python --compile-bytecode "$@" >>"$log" 2>&1 && return
    echo "With pip:" >>"$log"
    .venv/bin/python -m pip install --retries 1 --upgrade pip >>"$log" 2>&1 || true
    .venv/bin/python -m pip install --retries 1 "$@" >>"$log" 2>&1
}

name_kernel() { # what JupyterLab shows; a learner who has other kernels can tell the lab's
    kernel=.venv/share/jupyter/kernels/python3/kernel.json
    [ -f "$kernel" ] || return 0
    sed 's/"display_name": "[^"]*"/"display_name": "Express Lab"/' "$kernel" >"$kernel.new" && mv "$kernel.new" "$kernel"
}

make_movable() { # the command and the code that it runs are found from where they lie, not from where they were installed
    for link in .venv/lib/python3*/site-packages/*express_lab*.pth; do
        [ ! -f "$link" ] || echo ../../../.. >"$link"
    done
    cat >.venv/bin/lab.new <<'END'
#!/bin/sh
'''exec' "$(dirname -- "$(readlink -f -- "$0" 2>/dev/null || echo "$0")")/python" "$0" "$@"
' '''
import signal, sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command itself says how it is stopped: no traceback

from lab.commands import main

sys.exit(main())
END
    chmod 755 .venv/bin/lab.new && mv .venv/bin/lab.new .venv/bin/lab
}

wait_for_turn() { # two that install at once would remove what the other one has made
    waited=0
    until mkdir "$turn" 2>/dev/null; do
        [ -d "$turn" ] || return 0 # this folder cannot be written: who writes next says so
        holder=$(cat "$turn/process" 2>/dev/null) || true
        if [ -z "$holder" ] && [ "$waited" -ge 5 ] || [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
            rm -rf "$turn" # its owner was killed
            continue
        fi
        [ "$waited" -lt 1200 ] || stop "Another make seems to install into this folder; it has not ended in 20 minutes." \
            "see whether it still runs; then: rm -r $turn, and: make demo"
        [ "$waited" -gt 0 ] || echo "Another make is installing into this folder. Waiting until it has ended ..."
        waited=$((waited + 1))
        sleep 1
    done
    trap 'rm -rf "$turn" 2>/dev/null' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    echo $$ >"$turn/process"
}

install_step() {
    case $1 in
    lab) echo "Installing the lab's packages into .venv (once, under a minute) ..." ;;
    dev) echo "Installing the packages for tests into .venv (once) ..." ;;
    site) echo "Installing the packages for the site into .venv (once) ..." ;;
    esac
    : >"$log"
    rm -f ".venv/$1.installed"
    wanted=requirements/$1.txt
    if [ -n "$wheels" ]; then
        wanted=.venv/$1.wheels.txt
        serves .venv/bin/python "$1" "$wanted" || exit 1
    fi
    install --require-hashes -r "$wanted" || failed
    if [ "$1" = lab ]; then
        install --no-deps --no-build-isolation --editable . || failed
        name_kernel
        make_movable
    fi
    lock_of "$1" >".venv/$1.installed"
}

[ -z "$wheels" ] || [ ! -d "$wheels" ] || wheels=$(cd "$wheels" && pwd -P)
case $step in lab | dev | site) ;; *) stop "There is no step '$step'." "make help" ;; esac
[ -e .venv ] && current lab && current "$step" && [ -z "$(why_anew)" ] && exit
wait_for_turn
if [ -e .venv ] || [ -L .venv ]; then
    reason=$(why_anew)
    if [ -n "$reason" ]; then
        echo "$reason Its packages are installed anew."
        [ -L .venv ] && stop ".venv is a link, which is left alone." "rm .venv, then: make demo"
        make_environment
    fi
else
    make_environment
fi
current lab || install_step lab
[ "$step" = lab ] || current "$step" || install_step "$step"
