"""A JupyterHub for two people on this machine, to try jupyter_sio under it. Type: make hub.

Nobody but this machine can reach it, and whoever logs in runs as you: for trying only.
"""

import os
import secrets
import shutil
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub brings it

here = Path(__file__).resolve().parent
run = Path(os.environ.get("HUB_RUN") or here / "run")  # the Hub's own files, and its users' homes
run.mkdir(mode=0o700, exist_ok=True)

# --- the Hub ---------------------------------------------------------------------------------

c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.db_url = f"sqlite:///{run / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(run / "cookie_secret")
c.ConfigurableHTTPProxy.command = [str(here / "node_modules/.bin/configurable-http-proxy")]
c.ConfigurableHTTPProxy.pid_file = str(run / "proxy.pid")

# Two people and one password, made anew each time; without one, everybody with an account on this
# machine could run code as you.
password = os.environ.get("HUB_PASSWORD") or secrets.token_urlsafe(9)
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = password
c.Authenticator.allowed_users = {"ada", "bob"}
if "HUB_PASSWORD" not in os.environ:
    print(f"\n    Log in as ada or as bob; the password is {password}\n", flush=True)

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(run / "home" / "{username}")
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []


def bring_notebooks(spawner):
    """Give a user the lessons, once."""
    home = Path(spawner.home_dir)
    if not home.exists():
        shutil.copytree(here.parents[1] / "notebooks", home)


c.Spawner.pre_spawn_hook = bring_notebooks

# --- jupyter_sio -----------------------------------------------------------------------------

# Links for people without an account here: off under a Hub until its admin says so.
c.Spawner.args += ["--JupyterSio.allow_links=True"]

# Whoever comes to somebody else's server watches its streams, and has nothing else of it.
c.Spawner.args += [
    "--ServerApp.authorizer_class=jupyter_sio.server.hub.JupyterSioHubAuthorizer",
]
# Everybody may share their own server: that is, let others watch.
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "shares!user"]}]

# More rights than that are scopes. Here the tutors watch every server, and send events there.
c.JupyterHub.custom_scopes = {
    "custom:jupyter_sio:watch": {"description": "Watch the live streams of a server"},
    "custom:jupyter_sio:send": {
        "description": "Send events to the kernels of a server",
        "subscopes": ["custom:jupyter_sio:watch"],
    },
    "custom:jupyter_sio:manage": {
        "description": "Make links to a server's streams, and disconnect viewers",
        "subscopes": ["custom:jupyter_sio:send"],
    },
}
# Without this line no browser is ever given one of them.
c.Spawner.oauth_client_allowed_scopes = list(c.JupyterHub.custom_scopes)
c.JupyterHub.load_groups = {"tutors": {"users": []}}
c.JupyterHub.load_roles += [
    {
        "name": "tutor",
        "groups": ["tutors"],
        "scopes": ["access:servers", "custom:jupyter_sio:send"],
    },
]
