#!/usr/bin/env bash
# Makes .venv from requirements.lock. Usage: workflow/setup.sh <python>
set -euo pipefail

python=${1:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
    echo "error: Python 3.11 or newer is needed; install it (Debian, Ubuntu: apt-get install python3 python3-venv)" >&2
    echo "       or name it: make PYTHON=/path/to/python3.11 ..." >&2
    exit 2
fi

if [ ! -x .venv/bin/pip ]; then
    rm -rf .venv
    # Debian keeps ensurepip in a package of its own.
    if ! "$python" -m venv .venv 2> /dev/null; then
        rm -rf .venv
        package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
        if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
            echo "installing $package"
            apt-get update -qq
            apt-get install -y -qq "$package" > /dev/null
            "$python" -m venv .venv
        else
            echo "error: this Python has no venv; run: sudo apt-get install $package" >&2
            exit 2
        fi
    fi
fi

echo "installing the pinned packages into .venv (some gigabytes, a few minutes)"
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.lock
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
