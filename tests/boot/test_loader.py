# SPDX-License-Identifier: GPL-2.0-only
"""The loader: what it says of the machine, what it does when it can't run, and what it starts next.

tests/guest/status.efi is the next stage in most tests: it prints the status
table as an operating system would find it.
"""

import re
import time

import pytest

from loaderlib import damaged, section, signed
from machine import debian, esp
from machine.common import BUILD

GUEST = BUILD / "guest"
FAKE = BUILD / "debug" / "openvbs-fakehv.efi"
FAIL = BUILD / "debug" / "openvbs-failhv.efi"

OPENVBS = "EFI/openvbs/openvbs.efi"
CONF = "EFI/openvbs/openvbs.conf"
STATUS = "EFI/tests/status.efi"
NEXT_STATUS = "next=\\EFI\\tests\\status.efi\n"

RUNNING, NOT_RUNNING = 1, 0
NO_VIRTUALIZATION, OTHER_HYPERVISOR, IMAGE_REFUSED, OUT_OF_MEMORY, OTHER = 2, 4, 7, 8, 11
RUNTIME_SERVICES_DATA = 6  # UEFI 2.10, 7.2.1
BOOT_AND_RUNTIME = 6  # variable attributes: not non-volatile

NOT_FOUND, ACCESS_DENIED, SECURITY_VIOLATION = (f"{1 << 63 | n:x}h" for n in (14, 15, 26))


def with_status(tmp_path, conf=NEXT_STATUS, **options):
    """Options of a machine that boots openvbs and then status.efi."""
    files = {STATUS: signed(GUEST / "status.efi", tmp_path), **options.pop("esp", {})}
    return {"image": None, "openvbs": "release", "conf": conf, "esp": files, "time_limit": 90, **options}


def read_status(m):
    """What status.efi prints next, as a dict."""
    line = m.wait_for(r"^status: state=(\d+) reason=(\d+) check=(\S*) evidence=(.*)\n")
    status = {"state": int(line[1]), "reason": int(line[2]), "check": line[3], "evidence": line[4]}
    line = m.wait_for(r"^status: cpus=(\d+) memory=(\d+) build=(\S+) log=(\w+)\+(\w+) stats=(\w+)\+(\w+)\n")
    status.update(cpus=int(line[1]), memory=int(line[2]), build=line[3],
                  **{key: int(line[i], 16) for i, key in enumerate(("log", "log_size", "stats", "stats_size"), 4)})
    status["type"] = int(m.wait_for(r"^status: table in memory of type (-?\d+)\n")[1])
    line = m.wait_for(r"^status: variable (\w+), attributes (\d+)\n")
    status.update(variable=line[1], attributes=int(line[2]))
    status["cpuid"] = m.wait_for(r"^status: CPUID says (.*)\n")[1]
    m.wait_for(r"^status: end\n")
    return status


def check_not_running(status, reason, check, evidence):
    """The common shape of a status that says no."""
    assert (status["state"], status["reason"], status["check"]) == (NOT_RUNNING, reason, check)
    assert re.search(evidence, status["evidence"]), status["evidence"]
    assert all(status[key] == 0 for key in ("cpus", "memory", "log", "log_size", "stats", "stats_size"))
    assert status["cpuid"] == "no openvbs"
    assert (status["type"], status["variable"], status["attributes"]) == (
        RUNTIME_SERVICES_DATA, "same", BOOT_AND_RUNTIME)


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_status_of_a_running_openvbs(machine, tmp_path, cpus):
    m = machine(**with_status(tmp_path, cpus=cpus))
    version = m.wait_for(rf"^openvbs (\S+): running, {cpus} CPUs\n")[1]
    status = read_status(m)
    assert (status["state"], status["reason"], status["check"]) == (RUNNING, 0, "")
    assert status["evidence"] == "Secure Boot on"
    assert (status["cpus"], status["build"], status["cpuid"]) == (cpus, version, "openvbs")
    assert status["memory"] >= 2 << 20 and status["memory"] % (2 << 20) == 0
    assert status["log"] and status["log_size"] and status["stats"] and status["stats_size"]
    assert (status["type"], status["variable"], status["attributes"]) == (
        RUNTIME_SERVICES_DATA, "same", BOOT_AND_RUNTIME)
    assert m.wait_exit() == 0


@pytest.mark.parametrize("name, options, reason, check, evidence", [
    ("no-svm", {"cpu_flags": "-svm"}, NO_VIRTUALIZATION, "cpuid.svm", r"ECX=[0-9a-f]{8}h, bit 2 \(SVM\) is 0"),
    ("no-npt", {"cpu_flags": "-npt"}, NO_VIRTUALIZATION, "cpuid.npt", r"EDX=[0-9a-f]{8}h, bit 0"),
    ("hidden", {"cpu": "EPYC,-svm"}, OTHER_HYPERVISOR, "cpuid.svm", "family 17h: hidden by the level below"),
    ("no-secure-boot", {"cpu_flags": "-svm", "secure_boot": False}, NO_VIRTUALIZATION, "cpuid.svm",
     "Secure Boot off"),
])
def test_a_cpu_that_does_not_fit_is_named(machine, tmp_path, name, options, reason, check, evidence):
    m = machine(**with_status(tmp_path, **options))
    line = m.wait_for(r"^openvbs: not running: (.*) \((\S+)\): (.*)\n")
    assert line[2] == check
    status = read_status(m)
    check_not_running(status, reason, check, evidence)
    assert line[3] == status["evidence"]


def test_linux_boots_where_openvbs_can_not_run(machine):
    m = machine(openvbs="release", cpu_flags="-svm")
    m.wait_for(r"^openvbs: not running: ")
    m.wait_ready()
    assert int(m.sh("nproc")) == 2


def test_damage_to_the_other_vendors_hypervisor_does_not_matter(machine, tmp_path):
    m = machine(**with_status(tmp_path, openvbs=damaged(tmp_path, b".hvvmx", "middle"), secure_boot=False, sign=False))
    assert read_status(m)["state"] == RUNNING


@pytest.mark.parametrize("name, where", [(b".hvsvm", "first"), (b".hvsvm", "middle"), (b".hvsvm", "last"),
                                         (b".ovbssk", "middle"), (b".ovbstl", "middle")])
def test_a_damaged_part_is_noticed_without_secure_boot(machine, tmp_path, name, where):
    m = machine(**with_status(tmp_path, openvbs=damaged(tmp_path, name, where), secure_boot=False, sign=False))
    check_not_running(read_status(m), IMAGE_REFUSED, "image.crc",
                      rf"section {name.decode()}: CRC32 is \w{{8}}h, manifest says \w{{8}}h")


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_a_hypervisor_that_does_not_answer_stops_the_machine(machine, tmp_path, cpus):
    """Every CPU goes in and comes back, but CPUID says nothing: no claim of protection may follow."""
    m = machine(**with_status(tmp_path, openvbs=FAKE, cpus=cpus))
    m.wait_for(r"^openvbs: the hypervisor does not run on every CPU")
    for cpu in range(cpus):
        m.wait_for(rf"^openvbs: CPU {cpu}: came back, but no hypervisor answers\n")
    m.wait_for(r"^openvbs: machine stopped\n")
    time.sleep(2)
    assert m.status() == "running"
    assert "status:" not in m.log_text() and ": running" not in m.log_text()
    assert re.search(r"^CPU#0.*?HLT=1", m.registers(), re.S | re.M), "the boot CPU goes on"


def chain(tmp_path, openvbs, **options):
    """Options of a machine that starts openvbs twice in one boot."""
    return {"image": None, "boot": GUEST / "chain.efi", "time_limit": 90,
            "esp": {OPENVBS: signed(openvbs, tmp_path), STATUS: signed(GUEST / "status.efi", tmp_path),
                    CONF: "next=\\EFI\\missing.efi\n"}, **options}


def test_what_the_hypervisor_refuses_is_undone(machine, tmp_path):
    """PREPARE fails after it changed descriptor tables and segments; firmware goes on, nothing is kept."""
    m = machine(**chain(tmp_path, FAIL))
    for start in (1, 2):
        m.wait_for(rf"^chain: start {start}\n")
        check_not_running(read_status(m), OUT_OF_MEMORY, "hv.memory", "refused: error 2")
        m.wait_for(rf"^chain: end {start}, EFI status 0h, reserved memory 0 KiB more\n")
    m.wait_for(r"^chain: done\n")
    assert m.wait_exit() == 0


def test_a_second_start_finds_the_first(machine, tmp_path):
    m = machine(**chain(tmp_path, BUILD / "release" / "openvbs.efi"))
    m.wait_for(r"^openvbs \S+: running, 2 CPUs\n")
    first = read_status(m)
    more = m.wait_for(r"^chain: end 1, EFI status 0h, reserved memory (\d+) KiB more\n")[1]
    assert int(more) * 1024 == first["memory"]
    m.wait_for(r"^openvbs: not running: .*another hypervisor \(cpuid\.openvbs\): .*running already")
    assert read_status(m) == first, "the machine's status must go on saying what runs"
    m.wait_for(r"^chain: end 2, EFI status 0h, reserved memory 0 KiB more\n")


def no_mp(tmp_path, cpus):
    """Options of a machine whose multiprocessor services are spoilt."""
    return {**chain(tmp_path, BUILD / "release" / "openvbs.efi"), "boot": GUEST / "nomp.efi", "cpus": cpus}


def test_a_cpu_that_can_not_be_had_is_refused(machine, tmp_path):
    """A CPU outside of the hypervisor would be a hole: all or nothing."""
    m = machine(**no_mp(tmp_path, 2))
    m.wait_for(r"^nomp: CPU 1 disabled\n")
    check_not_running(read_status(m), OTHER, "cpu.mp", "2 CPUs, 1 of them enabled")
    m.wait_for(r"^nomp: protocol removed: EFI status 0h\n")
    check_not_running(read_status(m), OTHER, "cpu.mp",
                      rf"no multiprocessor services \(EFI status {NOT_FOUND}\), 2 CPUs in the MADT")
    m.wait_for(r"^nomp: end, EFI status 0h\n")


def test_one_cpu_needs_no_multiprocessor_services(machine, tmp_path):
    m = machine(**no_mp(tmp_path, 1))
    m.wait_for(r"^nomp: protocol removed: EFI status 0h\n")
    assert read_status(m)["state"] == RUNNING


def test_too_little_memory(machine, tmp_path):
    m = machine(image=None, boot=GUEST / "memhog.efi", time_limit=90,
                esp={OPENVBS: signed(BUILD / "release" / "openvbs.efi", tmp_path),
                     STATUS: signed(GUEST / "status.efi", tmp_path)})
    m.wait_for(r"^memhog: \d+ KiB left\n")
    check_not_running(read_status(m), OUT_OF_MEMORY, "memory.block", r"\d+ KiB of reserved memory: EFI status \w+h")
    m.wait_for(r"^memhog: openvbs ended with EFI status 0h, reserved memory 0 KiB more\n")


def test_options_reach_the_next_stage(machine, tmp_path):
    m = machine(**with_status(tmp_path, conf=NEXT_STATUS + "options= one  two=2 \r\n"))
    assert m.wait_for(r'^status: load options "(.*)"\n')[1] == "one  two=2"


def test_bad_settings_are_named_and_left_out(machine, tmp_path):
    conf = "nonsense\n" + NEXT_STATUS + "icr=open\n"
    m = machine(**with_status(tmp_path, conf=conf))
    m.wait_for(r"^openvbs: settings: openvbs\.conf line 1: unknown setting\n")
    status = read_status(m)
    assert status["state"] == RUNNING
    assert status["evidence"] == "Secure Boot on; settings: openvbs.conf line 1: unknown setting"


def test_release_builds_know_no_debug_switches(machine, tmp_path):
    m = machine(**with_status(tmp_path, conf=NEXT_STATUS + "icr=open\n"))
    assert read_status(m)["evidence"].endswith("openvbs.conf line 2: unknown setting")


def test_a_missing_next_stage_goes_back_to_firmware(machine, tmp_path):
    m = machine(**with_status(tmp_path, conf="next=\\EFI\\missing.efi\n"))
    m.wait_for(rf"^openvbs: can't load \\EFI\\missing\.efi: EFI status {NOT_FOUND}\n")
    m.wait_for(r"failed to start Boot\w+ .*: Not Found")


def test_a_next_stage_that_is_openvbs_itself_ends_at_once(machine, tmp_path):
    m = machine(**with_status(tmp_path, conf="next=\\EFI\\boot\\bootx64.efi\n"))
    m.wait_for(r"^openvbs: next stage \\EFI\\boot\\bootx64\.efi is openvbs itself\n")
    m.wait_for(r"failed to start Boot\w+ .*: Load Error")
    assert m.log_text().count("running, 2 CPUs") == 1


def test_the_default_next_stage_is_shim(machine, tmp_path):
    m = machine(**with_status(tmp_path, conf="# nothing\n"))
    m.wait_for(rf"^openvbs: can't load \\EFI\\debian\\shimx64\.efi: EFI status {NOT_FOUND}\n")


def test_an_unsigned_next_stage_is_refused_by_secure_boot(machine, tmp_path):
    unsigned = (GUEST / "status.efi").read_bytes()
    m = machine(**with_status(tmp_path, esp={"EFI/tests/unsigned.efi": unsigned},
                              conf="next=\\EFI\\tests\\unsigned.efi\n"))
    m.wait_for(rf"^openvbs: can't load \\EFI\\tests\\unsigned\.efi: EFI status ({ACCESS_DENIED}|{SECURITY_VIOLATION})\n")
    assert "status: " not in m.log_text()


def test_shim_starts_openvbs_and_openvbs_the_next_stage(machine, tmp_path):
    """As shim's second stage: shim checks SBAT and signature, and its LoadImage checks what comes next."""
    shim = esp.read(debian.image() / "esp.img", debian.SHIM)
    files = {"EFI/BOOT/BOOTX64.EFI": shim, "EFI/BOOT/grubx64.efi": signed(BUILD / "release/openvbs.efi", tmp_path),
             STATUS: signed(GUEST / "status.efi", tmp_path), CONF: NEXT_STATUS}
    m = machine(image=None, esp=files, time_limit=90)
    m.wait_for(r"^openvbs \S+: running, 2 CPUs\n")
    assert read_status(m)["state"] == RUNNING


def test_shim_refuses_a_tampered_openvbs(machine, tmp_path):
    shim = esp.read(debian.image() / "esp.img", debian.SHIM)
    bad = bytearray(signed(BUILD / "release/openvbs.efi", tmp_path))
    offset, size = section(bad, b".hvsvm")
    bad[offset + size // 2] ^= 1
    m = machine(image=None, time_limit=60, esp={"EFI/BOOT/BOOTX64.EFI": shim, "EFI/BOOT/grubx64.efi": bytes(bad)})
    m.wait_for(r"Verification failed|Security Violation|Access Denied")
    assert "openvbs" not in m.log_text()


@pytest.mark.long
def test_firmware_goes_on_to_its_next_boot_entry(machine):
    """Debian boots by its own entry, inside VTL0.

    Firmware with SMM may reset once in between: openvbs's reserved memory made
    it write other memory type information (seen with OVMF).
    """
    m = machine(image="debian", openvbs="release", conf="next=\\EFI\\missing.efi\n", reboot=True, time_limit=300)
    m.wait_for(rf"^openvbs: can't load \\EFI\\missing\.efi: EFI status {NOT_FOUND}\n")
    m.wait_for(r'starting Boot\w+ "debian"')
    m.wait_ready()
    variable = "/sys/firmware/efi/efivars/OpenvbsStatus-4f70656e-5642-5300-9d1c-6c0a52f3b7e1"
    values = m.sh(f"od -An -tx4 -N20 {variable}").split()
    assert values == ["00000006", "5453564f", "01200001", "00000001", "00000000"]  # attributes; then RUNNING
