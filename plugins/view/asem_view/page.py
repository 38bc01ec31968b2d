"""The page that starts neuroglancer's client with a state, and keeps what somebody does with it in its address.

The client of the distribution expects to talk to a server in Python: it lies at ``.../v/NAME/``, asks
``.../events/NAME`` for its state, and tells ``.../state/NAME`` of every change. Here a script stands in for that
server, so that files are all that has to be hosted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

CLIENT = "v/asem"
"""Folder of the client, from the root of what is hosted."""
PAGE = "index.html"
HERE = "asem-view-here"
"""Stands in the state for the URL of that root, which only the browser knows."""
_SCRIPT = """<script>
(() => {
  const here = new URL("../..", location.href).href.replace(/\\/$/, "");
  const given = location.hash.startsWith("#!") ? decodeURIComponent(location.hash.slice(2)) : null;
  const state = given ?? JSON.stringify(STATE).replaceAll("HERE", here);
  window.EventSource = class {
    constructor() {
      setTimeout(() => {
        this.onopen?.({});
        this.onmessage?.({data: JSON.stringify({k: "s", s: JSON.parse(state), g: "0"})});
      }, 0);
    }
    close() {}
  };
  const fetched = window.fetch;
  let changes = 0;
  window.fetch = (where, how) => {
    const path = new URL(where.url ?? where, location.href).pathname;
    if (!/\\/(state|action)\\/asem$/.test(path)) return fetched(where, how);
    if (path.endsWith("/state/asem")) {
      const changed = JSON.stringify(JSON.parse(how.body).s);
      history.replaceState(null, "", "#!" + encodeURIComponent(changed));
    }
    return Promise.resolve(new Response(JSON.stringify({g: String(++changes)})));
  };
})();
</script>"""


def client_folder() -> Path:
    """Where the built client lies in the distribution of neuroglancer, whose Python is not run."""
    return Path(str(distribution("neuroglancer").locate_file("neuroglancer/static/client")))


def render_page(state: Mapping[str, Any]) -> str:
    """``index.html`` of the client, which shows ``state`` unless its address has another one."""
    # A name in a state must not end the script.
    script = _SCRIPT.replace("STATE", json.dumps(state).replace("</", "<\\/")).replace('"HERE"', json.dumps(HERE))
    return (client_folder() / PAGE).read_text(encoding="utf-8").replace("<head>", f"<head>{script}", 1)
