"""The embedded lab inside somebody's container: any user, a tree and a root that cannot be written, little memory."""

from __future__ import annotations

import subprocess

import pytest

NARROW = (
    "--read-only",
    "--network=none",
    "--shm-size=1m",
    "--user=12345:12345",
    "--tmpfs=/tmp:mode=1777",
    "--env=HOME=/tmp",
    "--env=LAB_STATE_DIR=/tmp/state",
)
ROOT = ("--network=none", "--user=0", "--env=LAB_STATE_DIR=")


@pytest.mark.parametrize("options", [NARROW, ROOT], ids=["nobody's user, nothing writable", "root, state in the tree"])
def test_a_message_goes_through(image: str, options: tuple[str, ...]) -> None:
    ended = subprocess.run(
        ["docker", "run", "--rm", *options, image, "sh", "-c", "lab up && lab send && lab down"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "540 characters, 4.5773 characters a word" in ended.stdout


def test_a_start_that_cannot_work_says_why_within_seconds(image: str) -> None:
    """LocalStack's own mode for containers, which looks for folders of its own image."""
    program = (
        "import time; from lab.emulator import launcher; began = time.monotonic()\n"
        "try:\n    launcher.start('a', extra_environment={'OVERRIDE_IN_DOCKER': '1'})\n"
        "except launcher.EmulatorError as error:\n    print(error.render(), time.monotonic() - began < 45)"
    )
    ended = subprocess.run(
        ["docker", "run", "--rm", "--network=none", image, "python", "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (
        "Likely cause: exception during call chain: [Errno 2] No such file or directory: '/usr/lib/localstack'"
        in ended.stdout
    ), ended.stdout + ended.stderr
    assert ended.stdout.rstrip().endswith("True"), ended.stdout
