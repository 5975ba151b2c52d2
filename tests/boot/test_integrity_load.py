# SPDX-License-Identifier: GPL-2.0-only
"""Modules that are loaded after lockdown: Debian's own come, work and go; others are refused, and the kernel goes on."""

import re
import subprocess

import pytest

import vtl1lib
from guestlib import exits, load_module, start, total
from integritylib import (TRACE, is_well, listed, loaded, locked_down, module_file, modules, signed_by_stranger, state, tamper,
                          trace, unsigned)
from machine.common import ROOT

READ = "dd if=/dev/cpu/0/cpuid of=/dev/null bs=16 count=1 2>/dev/null"  # calls cpuid_read()
UUID = "0a2a5c1c-3f0e-4c43-9a34-5b1d7c4b9a60"


def dmesg(m):
    return m.sh("dmesg")


def test_debians_modules_come_and_go():
    """Modules with what they need: loaded, listed with their signer, taken out in VTL1 too, loaded again."""
    names = ("crc32c_generic", "btrfs", "nf_tables", "dm_mod")
    with locked_down("load", files=modules(*names), time_limit=400) as m:
        assert state(m)["Modules"] == "judged" and int(state(m)["Keys"]) >= 2
        for _ in range(2):
            for name in names:
                m.sh(f"modprobe {name}", 120)
            rows = listed(m)
            assert {"btrfs", "raid6_pq", "xor", "zstd_compress", "nf_tables", "dm_mod"} <= set(rows), rows
            assert set(rows) <= set(loaded(m)), (rows, loaded(m))
            assert all(re.search("Debian|kernel", row[6]) and row[5] == "yes" for row in rows.values()), rows
            assert int(rows["btrfs"][4]) > 1000, rows  # places that the kernel may patch
            assert int(m.sh("grep -c btrfs /proc/filesystems")) == 1
            m.sh("rmmod btrfs nf_tables dm_mod && rmmod raid6_pq zstd_compress")
            assert not {"btrfs", "raid6_pq"} & (set(listed(m)) | set(loaded(m)))
        is_well(m)


def test_a_file_that_comes_to_nothing_is_forgotten():
    """Linux asks for modules that it has already; VTL1 keeps no copies of those, and thaws all of what goes."""
    with locked_down("load-again", files=modules("nf_tables")) as m:
        frozen = state(m)["FrozenPagesNow"]
        m.sh("modprobe nf_tables")
        path = m.sh("find /lib/modules -name nf_tables.ko").strip()
        again = f"for i in 1 2 3 4; do insmod {path} 2>&1; done"
        assert m.run(again).output.count("File exists") == 4
        before = int(vtl1lib.trustlets(m)["integrity"]["memory"])
        assert m.run(again).output.count("File exists") == 4
        assert int(vtl1lib.trustlets(m)["integrity"]["memory"]) <= before
        m.sh("rmmod nf_tables nfnetlink")
        assert state(m)["FrozenPagesNow"] == frozen and not listed(m), (state(m), listed(m))
        is_well(m)


def test_a_module_is_patched_after_it_was_judged():
    """Its functions are traced, its tracepoints' jump labels and its static calls flip; all by patches that VTL1 carries out."""
    with locked_down("load-patched", files=modules("crc32c_generic", "btrfs"), time_limit=300) as m:
        m.sh("modprobe cpuid && modprobe crc32c_generic && modprobe btrfs", 120)
        m.sh(READ)
        before = total(exits(m), "vtl_intercept")
        traced = trace(m, "cpuid_read", command=READ)
        assert "cpuid_read <-" in traced, traced
        assert total(exits(m), "vtl_intercept") - before >= 6  # three writes to and three from
        before = total(exits(m), "vtl_intercept")
        events = int(m.sh(f"ls -d {TRACE}/events/btrfs/*/ | wc -l"))
        m.sh(f"echo 1 >{TRACE}/events/btrfs/enable")
        assert total(exits(m), "vtl_intercept") - before >= 3 * events, "a jump label at least for each"
        m.sh(f"echo 0 >{TRACE}/events/btrfs/enable; rmmod btrfs cpuid")
        is_well(m)


def test_modules_from_before_lockdown_are_patched_too():
    """Functions, jump labels and static calls (kvm's tracepoints have both) of modules that were there; they stay."""
    with locked_down("load-before", before="modprobe kvm && modprobe cpuid", time_limit=300) as m:
        m.sh(READ)
        traced = trace(m, "cpuid_read", command=READ)
        assert "cpuid_read <-" in traced, traced
        before, events = total(exits(m), "vtl_intercept"), int(m.sh(f"ls -d {TRACE}/events/kvm/*/ | wc -l"))
        m.sh(f"echo 1 >{TRACE}/events/kvm/enable && echo 0 >{TRACE}/events/kvm/enable", 120)
        assert total(exits(m), "vtl_intercept") - before >= 12 * events, "a jump label and a static call for each, on and off"
        assert m.run("rmmod cpuid").rc != 0 and "cpuid" in loaded(m)
        is_well(m)


def test_a_module_calls_another_that_came_after_lockdown():
    """aesni patches the trampolines of its own static calls in its init, and needs two modules; its algorithms pass Linux's tests."""
    with locked_down("load-aesni", files=modules("aesni_intel"), time_limit=300) as m:
        m.sh("modprobe aesni_intel", 120)
        assert {"aesni_intel", "crypto_simd", "cryptd"} <= set(listed(m)), listed(m)
        found = m.sh("grep -A9 'ctr-aes-aesni' /proc/crypto")
        assert "selftest     : passed" in found, found
        m.sh("rmmod aesni_intel && modprobe aesni_intel", 120)
        is_well(m)


def refused(m, path, *reasons):
    """The file is refused: insmod says so, none of it is there, and the kernel's log says one of the reasons."""
    m.sh("dmesg -c >/dev/null")
    before = loaded(m)
    result = m.run(f"insmod {path}")
    assert result.rc != 0, f"{path} was loaded"
    said = dmesg(m)
    assert any(re.search(r, said) for r in reasons), (result, said)
    assert loaded(m) == before
    return result.output


def test_files_that_are_refused():
    """No signature, a changed byte, a stranger's key: each with its reason; then the true one is loaded."""
    good = module_file("cpuid")
    bad = bytearray(good)
    bad[len(unsigned(good)) // 2] ^= 1
    files = {"/root/plain.ko": unsigned(good), "/root/changed.ko": bytes(bad), "/root/stranger.ko": signed_by_stranger(good)}
    with locked_down("load-refused", files=files) as m:
        refused(m, "/root/plain.ko", "Loading of unsigned module is rejected", "unsigned module loading")
        refused(m, "/root/changed.ko", r"module's file is refused .*: the signature does not fit the file; signed by .*(Debian|kernel)")
        refused(m, "/root/stranger.ko", r"module's file is refused .*: there is no key of this signer")
        m.sh("modprobe cpuid")
        is_well(m, refused=True)


def test_linux_need_not_be_believed_that_a_file_is_signed():
    """Without the kernel's own rule, an unsigned module gets as far as its place, and no further."""
    files = {"/root/plain.ko": unsigned(module_file("cpuid")), **tamper()}
    with locked_down("load-unforced", before="insmod /root/openvbs_tamper.ko", secure_boot=False, files=files) as m:
        refused(m, "/root/plain.ko", "Loading of unsigned module is rejected")
        m.sh("echo 1 >/sys/module/openvbs_tamper/parameters/unforced")
        refused(m, "/root/plain.ko", "module cpuid is refused: VTL1 has not seen its file")
        is_well(m)


AT = "/sys/module/openvbs_tamper/parameters"
PLACES = ((0, 0x40), (0, 0xFF0), (1, 0x10), (1, 0xFF0))  # 6.1: text and what is behind it, in the core area and in init's


def aim(m, part, offset):
    m.sh(f"printf cpuid >{AT}/name; echo {part} >{AT}/part; echo {offset} >{AT}/offset; dmesg -c >/dev/null")


def test_memory_that_is_not_what_the_file_says():
    """A bit of text, or of the rest of its page, is turned between file and place: refused, and none of it runs."""
    with locked_down("load-tampered", before="insmod /root/openvbs_tamper.ko", files=tamper()) as m:
        frozen = state(m)["FrozenPagesNow"]
        for part, offset in PLACES:
            aim(m, part, offset)
            result = m.run("modprobe cpuid")
            said = dmesg(m)
            assert result.rc != 0 and "not permitted" in result.output, result
            assert "openvbs_tamper: " in said and re.search(r"module cpuid is refused: .+; signed by ", said), said
            assert "cpuid" not in loaded(m) and "cpuid" not in listed(m) and m.sh(f"cat {AT}/started").strip() == "0"
            assert state(m)["FrozenPagesNow"] == frozen and state(m)["ModulesEver"] == "3", state(m)
        m.sh(f"printf nobody >{AT}/name; modprobe cpuid")
        is_well(m, refused=True)


def test_without_lockdown_the_same_is_loaded():
    """What the tests above refuse is refused by VTL1: an open kernel takes all of it, but for the changed byte."""
    good = module_file("cpuid")
    files = {"/root/plain.ko": unsigned(good), "/root/stranger.ko": signed_by_stranger(good), **tamper()}
    with start("integrity-load-open", openvbs="debug", secure_boot=False, files=files) as m:
        m.wait_ready()
        load_module(m)
        m.sh("insmod /root/plain.ko && rmmod cpuid && insmod /root/stranger.ko && rmmod cpuid && insmod /root/openvbs_tamper.ko")
        aim(m, 0, 0xFF0)
        m.sh("modprobe cpuid")
        assert m.sh(f"cat {AT}/started").strip() == "1" and "openvbs_tamper: " in dmesg(m)


def test_programs_do_not_talk_to_the_trustlet():
    """It is the kernel's alone, whether or not the kernel uses it: openvbs.ko says no, VTL1 is not even asked."""
    with start("integrity-load-programs", openvbs="debug", files=vtl1lib.files()) as m:
        m.wait_ready()
        load_module(m)
        answer = vtl1lib.call(m, UUID, 10, "vV:0", "B:1024")
        assert (answer.result, answer.origin) == (0xFFFF0001, "kernel"), answer
        assert vtl1lib.call(m, vtl1lib.HELLO, 1, "b:World", "B:100").result == 0


@pytest.mark.long
def test_without_the_trustlet_modules_are_refused(tmp_path):
    """What VTL1 can't judge stays out, and the kernel is locked down all the same."""
    subprocess.run(["make", "-C", str(ROOT), "-s", "FLAVOR=debug", f"OUT={tmp_path}", "TL_BUNDLED=hello", f"{tmp_path}/openvbs.efi"],
                   check=True, capture_output=True)
    with start("integrity-load-none", openvbs=tmp_path / "openvbs.efi") as m:
        m.wait_ready()
        load_module(m, "integrity=1")
        assert state(m)["State"] == "locked down" and state(m)["Modules"] == "refused", state(m)
        assert m.run("modprobe cpuid").rc != 0 and "cpuid" not in loaded(m)
        assert "module cpuid is refused: it comes after lockdown" in dmesg(m)
        is_well(m)
