"""README's page: its snippet, unchanged, takes part in a round."""

import re

from .processes import ROOT, wait_until

SNIPPET = re.search(r"```js\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
PAGE = '<link rel="icon" href="data:,"><script type="module" src="embed.js"></script>'


def test_the_embedding_snippet_takes_part(coordinate, natives, tabs):
    coordinator = coordinate()
    natives(coordinator.url, range(8))
    page = tabs("about:blank")
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.route("**/embed.html", lambda route: route.fulfill(content_type="text/html", body=PAGE))
    page.route(
        "**/embed.js", lambda route: route.fulfill(content_type="text/javascript", body=SNIPPET)
    )
    page.goto(f"{coordinator.url}/embed.html")

    def drawn() -> bool:
        page.wait_for_timeout(100)
        return {"role: sum", "role: update"} & set(said)

    wait_until("the snippet tells its role", drawn)
    wait_until("a global model", coordinator.model, timeout=90)
    wait_until("it goes on", lambda: page.wait_for_timeout(100) or len(said) > 1)
