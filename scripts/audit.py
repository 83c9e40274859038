"""Part of ``make lint``: looks the installed packages up in the database of known vulnerabilities, where it is reached.

A vulnerability makes the exit code 1; a machine that has no way to the database passes, and is told so.
"""

from __future__ import annotations

import json
import subprocess
import sys

COMMAND = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off", "--timeout=10"]


def main() -> int:
    """Ask and say what was found."""
    asked = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        print("pip-audit: its database cannot be reached from here; nothing was checked")
        return 0
    found = [(package, vulnerability) for package in audited for vulnerability in package["vulns"]]
    for package, vulnerability in found:
        fixed = ", ".join(vulnerability["fix_versions"]) or "none yet"
        print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    print(f"pip-audit: {len(audited)} packages checked, {len(found)} known vulnerabilities")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
