"""Fetch the front-end files the console ships, and check the ones that are there.

For maintainers only: a fresh machine needs neither Node nor a network for the console's files,
because they are committed under `access/console/static/console/vendor/`.

    python scripts/vendor_assets.py --check    compare the committed files with the manifest
    python scripts/vendor_assets.py            fetch the pinned packages with npm and write files and manifest
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "src/openboss/access/console/static/console"
VENDOR = CONSOLE / "vendor"
TEST_VENDOR = ROOT / "tests/access/console/vendor"
MANIFEST = VENDOR / "manifest.json"

# package, version, licence, {path in the package: where it goes}
PACKAGES = [
    ("@tabler/core", "1.6.1", "MIT", {"dist/css/tabler.min.css": VENDOR / "tabler.min.css"}),
    (
        "htmx.org",
        "2.0.10",
        "0BSD",
        {"dist/htmx.min.js": VENDOR / "htmx.min.js", "LICENSE": VENDOR / "LICENSE-htmx.txt"},
    ),
    (
        "echarts",
        "6.1.0",
        "Apache-2.0",
        {
            "dist/echarts.common.min.js": VENDOR / "echarts.common.min.js",
            "LICENSE": VENDOR / "LICENSE-echarts.txt",
            "NOTICE": VENDOR / "NOTICE-echarts.txt",
        },
    ),
    ("@tabler/icons", "3.51.0", "MIT", {"LICENSE": VENDOR / "LICENSE-tabler.txt"}),
    (
        "bpmn-js",  # its licence asks that the mark of bpmn.io on a diagram stays visible
        "18.31.1",
        "bpmn.io License (MIT with a condition)",
        {
            "dist/bpmn-modeler.production.min.js": VENDOR / "bpmn-modeler.min.js",
            "dist/bpmn-navigated-viewer.production.min.js": VENDOR / "bpmn-viewer.min.js",
            "dist/assets/diagram-js.css": VENDOR / "bpmn/diagram-js.css",
            "dist/assets/bpmn-js.css": VENDOR / "bpmn/bpmn-js.css",
            "dist/assets/bpmn-font/css/bpmn.css": VENDOR / "bpmn/css/bpmn.css",
            "dist/assets/bpmn-font/font/bpmn.woff2": VENDOR / "bpmn/font/bpmn.woff2",
            "LICENSE": VENDOR / "LICENSE-bpmn-js.txt",
        },
    ),
    (
        "axe-core",
        "4.14.1",
        "MPL-2.0",
        {"axe.min.js": TEST_VENDOR / "axe.min.js", "LICENSE": TEST_VENDOR / "LICENSE-axe-core.txt"},
    ),
]

# Tabler icons on the sprite, by their Tabler names.
ICONS = [
    "activity",
    "adjustments",
    "alert-circle",
    "alert-triangle",
    "antenna-bars-5",
    "arrow-back-up",
    "arrow-down",
    "arrow-narrow-right",
    "arrow-up",
    "arrows-sort",
    "ban",
    "building-bank",
    "building-store",
    "calculator",
    "calendar",
    "chart-bar",
    "chart-dots",
    "chart-line",
    "check",
    "checks",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "circle-check",
    "circle-x",
    "clipboard-list",
    "clock",
    "columns-3",
    "copy",
    "crown",
    "database-import",
    "device-desktop",
    "device-mobile",
    "device-sim",
    "download",
    "external-link",
    "eye",
    "eye-off",
    "file-alert",
    "file-check",
    "file-dollar",
    "file-invoice",
    "file-search",
    "file-text",
    "filter",
    "gauge",
    "gift",
    "headset",
    "help-circle",
    "history",
    "home",
    "info-circle",
    "keyboard",
    "language",
    "layout-list",
    "link",
    "list-details",
    "lock",
    "lock-open",
    "login",
    "logout",
    "map-pin",
    "menu-2",
    "message",
    "moon",
    "network",
    "news",
    "package",
    "percentage",
    "phone",
    "phone-incoming",
    "phone-outgoing",
    "player-play",
    "player-track-next",
    "printer",
    "receipt-2",
    "recycle",
    "refresh",
    "repeat",
    "report-money",
    "route",
    "scale",
    "search",
    "server",
    "settings",
    "shield-check",
    "shield-lock",
    "signature",
    "sort-ascending",
    "sort-descending",
    "stack-2",
    "sun",
    "tag",
    "tags",
    "terminal-2",
    "timeline-event",
    "trash",
    "trending-down",
    "trending-up",
    "user",
    "user-circle",
    "user-search",
    "users",
    "users-group",
    "wallet",
    "wifi",
    "world",
    "writing",
    "x",
    "hourglass",
    "coins",
    "zoom-question",
    "zoom-in",
    "zoom-out",
    "maximize",
    "sitemap",
    "inbox",
    "bookmark",
    "cash",
    "cash-register",
    "credit-card",
    "flask",
    "git-compare",
    "plus",
    "send",
    "user-plus",
    "player-pause",
    "arrows-exchange",
    "book-2",
    "edit",
]


def fetch(package: str, version: str, folder: Path) -> tarfile.TarFile:
    """Download one package with npm's own client and open it."""
    done = subprocess.run(
        ["npm", "pack", "--silent", f"{package}@{version}"], cwd=folder, check=True, capture_output=True, text=True
    )
    return tarfile.open(folder / done.stdout.strip().splitlines()[-1])


def symbol(name: str, svg: str) -> str:
    """Turn one Tabler outline icon into a symbol of the sprite."""
    body = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    body = re.search(r"<svg[^>]*>(.*)</svg>", body, re.S).group(1)
    body = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>', "", body)
    return f'<symbol id="{name}" viewBox="0 0 24 24">{" ".join(body.split())}</symbol>'


def write_sprite(icons: tarfile.TarFile) -> None:
    """Write the icons of ICONS into one sprite; the drawing style is set by the console's own style sheet."""
    symbols = []
    for name in sorted(set(ICONS)):
        member = icons.extractfile(f"package/icons/outline/{name}.svg")
        symbols.append(symbol(name, member.read().decode()))
    (VENDOR / "icons.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n", encoding="utf-8"
    )


def vendor() -> None:
    """Fetch everything, write it in place and write the manifest."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    TEST_VENDOR.mkdir(parents=True, exist_ok=True)
    packages = []
    with tempfile.TemporaryDirectory() as folder:
        for package, version, licence, files in PACKAGES:
            archive = fetch(package, version, Path(folder))
            for inside, target in files.items():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.extractfile(f"package/{inside}").read())
            if package == "@tabler/icons":
                write_sprite(archive)
            packages.append({"package": package, "version": version, "licence": licence})
    MANIFEST.write_text(json.dumps({"packages": packages, "sha256": digests()}, indent=1) + "\n", encoding="utf-8")


def digests() -> dict[str, str]:
    """SHA-256 of every vendored file, by its path in the project."""
    found = (p for folder in (VENDOR, TEST_VENDOR) for p in folder.rglob("*"))
    files = [p for p in found if p.is_file() and p.name != "manifest.json"]
    return {p.relative_to(ROOT).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(files)}


def check() -> int:
    """Say which vendored files differ from the manifest; 0 when none does."""
    wanted = json.loads(MANIFEST.read_text(encoding="utf-8"))["sha256"]
    found = digests()
    wrong = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    for path in wrong:
        print(f"differs from the manifest: {path}")
    return 1 if wrong else 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="only compare with the manifest")
    if arguments.parse_args().check:
        sys.exit(check())
    vendor()
