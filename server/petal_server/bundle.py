"""`petal bundle`: the participant as a static folder, to host beside an app or to pack by npm."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import click

from petal_server.addresses import MANIFEST
from petal_server.assets import AssetsError, load_assets

WEB = Path(__file__).resolve().parents[2] / "web"
SPARE = (
    "vendor/uplot/",
    "vendor/pyodide/pyodide-lock.json",
    "vendor/libsodium/libsodium-wrappers.mjs",
)
# Of no use beside the same as compiled modules.
STOCK = ("vendor/pyodide/python_stdlib.zip", "vendor/numpy-")
# What only somebody who works on Petal needs of package.json.
DEVELOPMENT = ("scripts", "devDependencies")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--web",
    type=click.Path(path_type=Path, file_okay=False),
    default=WEB,
    help="Where Petal's web folder is, if not beside this program.",
)
def bundle(folder: Path, web: Path) -> None:
    """Write all that a tab needs into FOLDER, to host it beside an app of your own.

    Any static host will do; the coordinator may be elsewhere. FOLDER is an npm package as well
    ("npm pack FOLDER"). An earlier bundle there is replaced. docs/embedding.md goes on from here.
    """
    try:
        count, size = write_bundle(folder, web)
    except (AssetsError, OSError) as error:
        click.echo(f"petal bundle: {error}", err=True)
        sys.exit(2)
    click.echo(f"{folder}: {count} files, {size / 1e6:.1f} MB.")
    click.echo('In a page: import { Participant } from "./petal.js", from where you host it.')
    click.echo("The coordinator must admit that page's origin: api.cors.allow_origins.")


def write_bundle(folder: Path, web: Path) -> tuple[int, int]:
    """(files, bytes) written; AssetsError, with nothing changed, if `folder` holds other things."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise AssetsError(f"{folder} holds something else than a bundle; name another folder")
    files = bundle_files(web)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        made = Path(scratch) / "bundle"
        for name, body in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    return len(files), sum(map(len, files.values()))


def bundle_files(web: Path) -> dict[str, bytes]:
    """Each file's bytes by its path: scripts by name, what they load by hash, and no page."""
    assets = load_assets(web)
    hashed = json.loads(assets[MANIFEST].body)["files"]
    loaded = {name: file for name, file in hashed.items() if not _spare(name, hashed)}
    files = {
        address: asset.body
        for address, asset in assets.items()
        if asset.name not in hashed and not _of_the_page(address)
    }
    files |= {file["url"]: assets[file["url"]].body for file in loaded.values()}
    files[MANIFEST] = json.dumps({"files": loaded}).encode()
    return files | _package(web)


def _package(web: Path) -> dict[str, bytes]:
    """What makes a package of it: package.json, types, licences."""
    package = json.loads((web / "package.json").read_text())
    kept = {key: value for key, value in package.items() if key not in DEVELOPMENT}
    types = sorted((web / "types").rglob("*.d.ts"))
    texts = [*types, web / "vendor" / "libsodium" / "LICENSE"]
    return {
        "package.json": f"{json.dumps(kept, indent=2)}\n".encode(),
        "LICENSE": (web.parent / "LICENSE").read_bytes(),
        "NOTICE.txt": (web / "vendor.lock" / "NOTICE.txt").read_bytes(),
    } | {path.relative_to(web).as_posix(): path.read_bytes() for path in texts}


def _of_the_page(address: str) -> bool:
    """Whether only Petal's own page, or only a developer, has a use for it."""
    return address.startswith(("demo/", "@")) or address.endswith(".py")


def _spare(name: str, hashed: dict) -> bool:
    """Whether the worker does without: the page's chart, and what compiled modules replace."""
    if any(name.startswith("vendor/pyc/") for name in hashed) and name.startswith(STOCK):
        return True
    return name.startswith(SPARE)
