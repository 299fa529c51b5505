"""How JupyterLab is started: its command line, its environment and its configuration, the user's own left aside.

What somebody set for servers of their own (an address below another one, a certificate, a socket, a password) would
make another server of this one. Keyboard shortcuts, themes and the like stay the user's.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from lab import paths, variables
from lab.target import Target

# The configuration of the whole machine is read as well; what stands on the command line wins over it.
_OURS = {
    "base_url": "/",
    "certfile": "",
    "keyfile": "",
    "client_ca": "",
    "sock": "",
    "custom_display_url": "",
    "port_retries": "0",
    "use_redirect_file": "False",
    # In a container everybody is root, and the server listens to this machine only.
    "allow_root": "True",
}
# A file rather than the command line, which every user of the machine can read.
_CONFIGURATION = """\
import os as system
c = get_config()  # noqa
c.ServerApp.jpserver_extensions = {"jupyterlab_jupytext": False}
c.IdentityProvider.token = system.environ["JUPYTER_TOKEN"]
c.PasswordIdentityProvider.hashed_password = ""
c.PasswordIdentityProvider.password_required = False
"""
# With rfc3987_syntax, jsonschema checks whether a text is an IRI, which no schema of Jupyter asks for. To import it
# takes longer than all the rest together; without it jsonschema leaves that check out.
_SERVER = "import sys; sys.modules['rfc3987_syntax'] = None; from jupyterlab.labapp import main; sys.exit(main())"
# JupyterLab breaks a long line of an output anywhere. Between words it is easier to read, code and sentences alike.
_CSS = """\
.jp-OutputArea-output pre { word-break: normal !important; overflow-wrap: anywhere !important; }
"""
# What Jupyter reads of the environment and would not be ours.
_NOT_PASSED_ON = (
    "JUPYTER_CONFIG_PATH",
    "JUPYTER_NO_CONFIG",
    "JUPYTER_TOKEN_FILE",
    "JUPYTER_PORT",
    "JUPYTER_PORT_RETRIES",
    "JUPYTERLAB_SETTINGS_DIR",
)


def write(home: Path) -> None:
    """Write the configuration into ``home``, which is the server's only one beside the machine's."""
    labconfig = home / "labconfig"
    labconfig.mkdir(parents=True, exist_ok=True)
    # No question about news on the first page, and no request to a server elsewhere. Jupytext, which the tests install,
    # would open every Python file as a notebook.
    page = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True, "jupyterlab-jupytext": True}}
    (labconfig / "page_config.json").write_text(json.dumps(page), "utf-8")
    # The grey frame takes the width of two letters, and a page of 800 pixels has just the 80 that a line of code needs.
    room = {"@jupyterlab/application-extension:shell": {"dockPanelPadding": False}}
    (labconfig / "default_setting_overrides.json").write_text(json.dumps(room), "utf-8")
    _close_side_bars(home / "workspaces")
    (home / "custom").mkdir(exist_ok=True)
    (home / "custom" / "custom.css").write_text(_CSS, "utf-8")
    (home / "jupyter_server_config.json").unlink(missing_ok=True)  # of an earlier version
    (home / "jupyter_server_config.py").write_text(_CONFIGURATION, "utf-8")


def _close_side_bars(workspaces: Path) -> None:
    """Let JupyterLab open without its side bars: at 800 pixels they leave less than half of the page to the notebook.

    Once it has been open, what is open and where is the user's own. The file has to be there before the server starts.
    Its name is what jupyterlab_server's WorkspacesManager makes of "default"; to import that takes `lab` a second.
    """
    workspaces.mkdir(exist_ok=True)
    if any(workspaces.iterdir()):
        return
    closed = {"collapsed": True, "visible": True, "widgets": []}  # one that names a current widget opens it
    space = {"data": {"layout-restorer:data": {"left": closed, "right": closed}}, "metadata": {"id": "default"}}
    (workspaces / "default-37a8.jupyterlab-workspace").write_text(json.dumps(space), "utf-8")


def command(folder: Path, listen: str, port: int) -> list[str]:
    """The command line of the server."""
    return [
        sys.executable,
        "-c",
        _SERVER,
        "--no-browser",
        f"--ServerApp.ip={listen}",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={folder}",
        *(f"--ServerApp.{name}={value}" for name, value in _OURS.items()),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.custom_css=True",
    ]


def environment(target: Target, home: Path, token: str, folder: Path) -> dict[str, str]:
    """The environment of the server, which shows ``folder``, and of its kernels."""
    inherited = variables.everything()
    return (
        {name: value for name, value in inherited.items() if name not in _NOT_PASSED_ON}
        | {
            "LAB_TARGET": target.kind,
            "LAB_NAME": target.name,
            "LAB_STATE_DIR": str(paths.state_root()),
            "LAB_WORKSHOP_DIR": str(folder),  # so that `lab reset` in a terminal of JupyterLab finds it
            # So that `lab status` works in a terminal of JupyterLab.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]),
            "JUPYTER_TOKEN": token,
            "JUPYTER_CONFIG_DIR": str(home),
            "JUPYTERLAB_SETTINGS_DIR": str(_settings(home)),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            # Our own kernel, even where the user has one of the same name.
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        | home_for_jupyter(home)
    )


def home_for_jupyter(instead: Path) -> dict[str, str]:
    """The variable that gives JupyterLab and its kernels ``instead`` for a home that cannot be written."""
    try:
        with tempfile.TemporaryDirectory(dir=Path.home()):
            return {}
    except (OSError, RuntimeError):  # there is none, or it belongs to somebody else
        return {"HOME": str(instead)}


def _settings(home: Path) -> Path:
    """Where the user keeps what was set in JupyterLab's own menus; ``home`` where that cannot be written."""
    chosen = variables.everything().get("JUPYTERLAB_SETTINGS_DIR")
    if chosen:
        return Path(chosen)
    if home_for_jupyter(home):
        return home / "user-settings"
    configuration = variables.everything().get("JUPYTER_CONFIG_DIR")
    return Path(configuration or Path.home() / ".jupyter") / "lab" / "user-settings"
