# Which Python the lab runs on; read by install.sh. The one place for the range, with pyproject.toml's requires-python.
oldest=11 newest=14

supported() { # whether the Python $1 starts and is one of the range
    "$1" -I -c "import sys; sys.exit(not (3, $oldest) <= sys.version_info[:2] <= (3, $newest))" >/dev/null 2>&1
}

find_python() { # the newest one on the PATH, or the newest for which the command $1 succeeds; nothing when there is none
    minor=$newest
    while [ "$minor" -ge "$oldest" ]; do
        supported "python3.$minor" && ${1:-true} "python3.$minor" && echo "python3.$minor" && return
        minor=$((minor - 1))
    done
    for name in python3 python; do supported "$name" && ${1:-true} "$name" && echo "$name" && return; done
    return 0
}

how_to_get_python() { # the command for this very system, as far as it is known to have one
    system=$(uname -s)
    release=unknown
    [ -r "${OS_RELEASE:-/etc/os-release}" ] && release=$(. "${OS_RELEASE:-/etc/os-release}" && echo "${ID:-}-${VERSION_ID:-}")
    case $system-$release in
    Darwin-*) echo "brew install python@3.13, or the installer of python.org" ;;
    *-debian-12 | *-debian-13* | *-debian-14* | *-ubuntu-24.* | *-ubuntu-25.* | *-ubuntu-26.*)
        echo "sudo apt install python3 python3-venv" ;;
    *-ubuntu-22.*) echo "sudo apt install python3.11 python3.11-venv" ;;
    *-fedora-*) echo "sudo dnf install python3.13" ;;
    *-rhel-* | *-rocky-* | *-almalinux-* | *-centos-*) echo "sudo dnf install python3.12" ;;
    *-opensuse-*) echo "sudo zypper install python313" ;;
    *-arch-*) echo "sudo pacman -S python" ;;
    *) echo "install Python 3.13 from python.org, or use Docker: docker compose up" ;;
    esac
}
