# SPDX-License-Identifier: GPL-2.0-only
"""UEFI variables in a variable store, while the machine is off."""

import json

from .emulators import fw_vars

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
NON_VOLATILE, BOOT_SERVICE, RUNTIME = 1, 2, 4
COMMON = NON_VOLATILE | BOOT_SERVICE | RUNTIME  # what an operating system can make and change


def put(store, guid, variables, attributes=COMMON):
    """Set {name: bytes} in a store."""
    description = store.with_suffix(".json")
    description.write_text(json.dumps({"version": 2, "variables": [
        {"name": name, "guid": guid, "attr": attributes, "data": data.hex()} for name, data in variables.items()]}))
    fw_vars("--inplace", store, "--set-json", description)


def remove(store, guid, name):
    """Take a variable out of a store; it may be absent."""
    fw_vars("--inplace", store, "--delete", name) if get(store, name, guid) else None


def get(store, name, guid):
    """(attributes, bytes) of a variable in a store; None if there is no such variable."""
    description = store.with_suffix(".read.json")
    fw_vars("--input", store, "--output-json", description)
    for variable in json.loads(description.read_text())["variables"]:
        if (variable["name"], variable["guid"]) == (name, guid):
            return variable["attr"], bytes.fromhex(variable["data"])
    return None
