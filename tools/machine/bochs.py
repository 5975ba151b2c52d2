# SPDX-License-Identifier: GPL-2.0-only
"""The Intel test machine: Bochs with UEFI, as a Python context manager like Machine.

    from machine import BochsMachine
    with BochsMachine("mytest", openvbs="debug", cpus=2) as m:
        m.wait_ready()
        print(m.sh("grep -c vmx /proc/cpuinfo"), m.vm_entry_failures())

BochsMachine(name, ...) -- the transcript goes to build/logs/<name>.log
  model     CPU model of Bochs: "corei7_skylake_x" (VMX, EPT, MBEC), "ryzen" (SVM; Linux as a guest: 1 CPU only)
  cpus=1 (1..4)  mem=512 (MiB)  time_limit=120 s, always enforced from outside
  image, openvbs, conf, policy, boot, esp, cmdline, files     as for Machine
  bochsrc   lines added to Bochs' configuration
  debugger  True: Bochs' debugger can be used; everything takes about four times as long
Methods as those of Machine: wait_for, wait_ready, run, sh, send, put, log_text, wait_exit, stop, esp_read; and
  vm_entry_failures()   lines in which Bochs explains a refused VM entry ("VMENTER FAIL", "VMFAIL")
  emulator_log()        all that Bochs logged: build/logs/<name>.bochs.log
  debug(*commands)      with debugger=True: halts all CPUs, runs commands of Bochs' debugger, goes on -> what it printed
  registers()           the same: registers of each CPU
There is no Secure Boot, TPM, IOMMU, AHCI, NVMe, virtio and no monitor (qmp); UEFI variables do not last. A triple
fault ends Bochs, a guest's reset resets. The guest's clock may run slower than the host's.
"""

import collections
import contextlib
import dataclasses
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import typing
from pathlib import Path

from . import bochs_emulator, esp, images, settings
from .common import BUILD, LOGS, MachineError
from .console import ESCAPES, Serial
from .guest import Guest

KILL_AFTER = 5  # seconds between the polite and the final signal at the time limit
KEPT_ALWAYS = re.compile(r"VMENTER FAIL|VMFAIL|VMRUN|PANIC|3rd \(|triple fault", re.I)
REFUSED = re.compile(r"VMENTER FAIL|VMFAIL", re.I)
LOG_LIMIT = 8 << 20  # bytes of log after which only lines KEPT_ALWAYS are written
PROMPT = re.compile(r"<bochs:\d+> ?$")

# A panic shall stay, not boot again (tiny.py: panic=-1). Linux does panic with Bochs 3.1: docs/platforms.md.
CMDLINE = "panic=0"

CONFIG = """\
config_interface: textconfig
display_library: term
memory: guest={mem}, host={mem}
romimage: file={dir}/OVMF.fd, address=0xffc00000
fw_cfg: enabled=1
vgaromimage: file={share}/VGABIOS-lgpl-latest
vga: extension=vbe, update_freq=5, realtime=0
cpu: model={model}, count={cpus}, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
ata0-master: type=disk, path={disk}, mode=volatile
boot: disk
pci: enabled=1, chipset=i440fx
clock: sync=none
speaker: enabled=0
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{serial}
com2: enabled=1, mode=socket-client, dev=127.0.0.1:{agent}
log: -
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""


@dataclasses.dataclass
class Options:
    """Everything that can be chosen; the head of this file explains each."""

    model: str = "corei7_skylake_x"
    image: typing.Optional[str] = "tiny"
    openvbs: typing.Any = None
    conf: typing.Optional[str] = None
    policy: typing.Optional[dict] = dataclasses.field(default_factory=lambda: settings.ON)
    boot: typing.Any = None
    esp: dict = dataclasses.field(default_factory=dict)
    cmdline: str = ""
    files: dict = dataclasses.field(default_factory=dict)
    cpus: int = 1
    mem: int = 512
    time_limit: int = 120
    bochsrc: typing.Sequence = ()
    debugger: bool = False
    sign: bool = dataclasses.field(default=False, init=False)  # no Secure Boot here, so nothing is signed

    def __post_init__(self):
        problems = [text for bad, text in (
            (not 1 <= self.cpus <= 4, f"cpus={self.cpus}: 1 to 4"),
            (not 256 <= self.mem <= 2048, f"mem={self.mem}: 256 to 2048 MiB"),
            (self.time_limit <= 0, "time_limit must be positive"),
            (self.image is None and not (self.boot or self.openvbs or self.esp), "nothing to boot: image, boot or esp"),
            (self.boot and self.openvbs, "boot and openvbs both want to be \\EFI\\BOOT\\BOOTX64.EFI"),
            (self.files and self.image != "tiny", "files are for image='tiny'; elsewhere use esp"),
        ) if bad]
        self.cmdline = f"{CMDLINE} {self.cmdline}".strip()
        if problems:
            raise MachineError("BochsMachine: " + "; ".join(problems))


class _Drain:
    """Reads a descriptor to its end in a thread, and hands each piece of text on."""

    def __init__(self, fd, take):
        self._fd, self._take = fd, take
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                got = os.read(self._fd, 65536)
            except OSError:  # a pty whose other end is closed
                return
            if not got:
                return
            self._take(got.decode(errors="replace"))

    def close(self):
        self._thread.join(5)
        os.close(self._fd)


class _Log:
    """Bochs' log file: whole up to LOG_LIMIT, then its important lines; KVM in the guest alone writes 100 MB."""

    def __init__(self, path):
        self.path = path
        self._file = open(path, "w", encoding="utf-8")
        self._size, self._rest = 0, ""
        self._last = collections.deque(maxlen=200)

    def take(self, text):
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            if self._size < LOG_LIMIT or KEPT_ALWAYS.search(line):
                self._file.write(line + "\n")
            else:
                self._last.append(line)
            self._size += len(line) + 1
        self._file.flush()

    def close(self):
        if self._last:
            self._file.write(f"... log limit of {LOG_LIMIT} bytes reached; important lines above, the last ones below\n")
            self._file.write("\n".join(self._last) + "\n")
        self._file.write(self._rest)
        self._file.close()


class BochsMachine(Guest):
    """See the head of this file."""

    def __init__(self, name, **options):
        self.name = name
        self.options = Options(**options)
        self.emulator = bochs_emulator.get()
        self.image = images.get(self.options.image, raw=True)
        self.process = self.serial = self.agent = None
        self._close = contextlib.ExitStack()
        self._screen = ""  # what Bochs printed on its terminal: the debugger's answers, and the VGA text screen

    # --- power -----------------------------------------------------------

    def __enter__(self):
        (BUILD / "run").mkdir(parents=True, exist_ok=True)
        LOGS.mkdir(parents=True, exist_ok=True)
        self.dir = Path(tempfile.mkdtemp(prefix=f"{self.name}.", dir=BUILD / "run"))
        try:
            self._prepare()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()
        shutil.rmtree(self.dir)

    def _prepare(self):
        parts = [self.emulator.firmware / f"OVMF_{part}_4M.fd" for part in ("VARS", "CODE")]
        (self.dir / "OVMF.fd").write_bytes(b"".join(part.read_bytes() for part in parts))
        self.image.prepare(self)
        # Bochs counts whole cylinders of 16 heads and 63 sectors.
        with open(self.image.raw(self), "r+b") as f:
            cylinder = 16 * 63 * 512
            f.truncate(-(-os.path.getsize(f.name) // cylinder) * cylinder)
        (self.dir / "start.rc").write_text("c\n", encoding="ascii")

    def _start(self):
        with contextlib.ExitStack() as stack:
            lines = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in ("serial", "agent")]
            ports = [line.getsockname()[1] for line in lines]
            config = CONFIG.format(dir=self.dir, disk=self.image.raw(self), share=self.emulator.share, serial=ports[0], agent=ports[1],
                                   **{k: getattr(self.options, k) for k in ("mem", "model", "cpus")})
            (self.dir / "machine.bxrc").write_text(config + "".join(f"{line}\n" for line in self.options.bochsrc))
            self._start_bochs()
            ends = [self._accept(line) for line in lines]
        now = time.monotonic()
        self.serial, self.agent = (
            Serial(end, self._close.enter_context(open(LOGS / f"{self.name}{suffix}.log", "w", encoding="utf-8")), now)
            for end, suffix in zip(ends, ("", ".agent")))

    def _start_bochs(self):
        # `timeout` outlives us: whatever happens to this process, the limit holds.
        command = ["timeout", f"--kill-after={KILL_AFTER}", str(self.options.time_limit), *self.emulator.argv,
                   "-q", "-f", str(self.dir / "machine.bxrc")]
        if self.options.debugger:
            command += ["-debugger", "-rc", str(self.dir / "start.rc")]
        self._terminal, theirs = os.openpty()  # its text display and debugger want one
        log_out, log_in = os.pipe()
        log = _Log(LOGS / f"{self.name}.bochs.log")
        log.take(" ".join(command) + "\n")
        self.process = subprocess.Popen(command, env={**os.environ, **self.emulator.env}, cwd=self.dir,
                                        stdin=theirs, stdout=theirs, stderr=log_in)
        os.close(theirs)
        os.close(log_in)
        for closing in (log, _Drain(log_out, log.take), _Drain(self._terminal, self._printed)):
            self._close.callback(closing.close)

    def _accept(self, line):
        """The connection that Bochs makes for one of its serial ports."""
        end = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([line], [], [], 0.2)[0]:
                return line.accept()[0]
        raise MachineError(f"{self.name}: Bochs did not start: {self._fate()}")

    def _printed(self, text):
        self._screen = (self._screen + text)[-1 << 20:]

    def stop(self):
        """Power off at once. The time limit's own guard ends a Bochs that doesn't listen."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(KILL_AFTER + 10)
        for line in (self.serial, self.agent):
            if line:
                line.close()
        self._close.close()

    def wait_exit(self, seconds=30):
        """Wait until Bochs has ended by itself; its exit status says nothing."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.error(f"Bochs still runs after {seconds} s") from None

    # --- debugger --------------------------------------------------------

    def debug(self, *commands):
        """Halt all CPUs, run commands of Bochs' debugger ("help" lists them) and go on; what they printed."""
        if not self.options.debugger:
            raise MachineError(f"{self.name}: no debugger: the machine was made without debugger=True")
        # `timeout` forwards signals too, but takes each for the wish to end.
        guard = self.process.pid
        children = Path(f"/proc/{guard}/task/{guard}/children").read_text(encoding="ascii").split()
        if not children:
            raise self.error("no debugger: Bochs has ended")
        self._screen = ""
        os.kill(int(children[0]), signal.SIGINT)
        answers = [self._answer()]
        for command in commands:
            self._screen = ""
            os.write(self._terminal, command.encode() + b"\n")
            answers.append(self._answer())
        self._screen = ""
        os.write(self._terminal, b"c\n")
        self._printed_within(r"c\r?\n", 10)  # a signal before that would end its prompt, not halt the CPUs
        return "\n".join(answers)

    def _answer(self):
        """What the debugger has printed when it prompts again."""
        return self._printed_within(PROMPT, 10)

    def _printed_within(self, pattern, seconds):
        """What was printed in front of `pattern`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = ESCAPES.sub("", self._screen)
            found = re.search(pattern, text)
            if found:
                return text[:found.start()]
            time.sleep(0.05)
        raise self.error(f"Bochs' debugger did not print {pattern!r} in {seconds} s, but {self._screen[-500:]!r}")

    def registers(self):
        """Registers of every CPU."""
        return self.debug(*(c for n in range(self.options.cpus) for c in (f"set $cpu={n}", "r", "sreg", "creg")))

    # --- evidence --------------------------------------------------------

    def emulator_log(self):
        """Text of Bochs' log so far."""
        return (LOGS / f"{self.name}.bochs.log").read_text(errors="replace")

    def vm_entry_failures(self):
        """Lines of Bochs' log that explain refused VM entries."""
        return [line for line in self.emulator_log().splitlines() if REFUSED.search(line)]

    def esp_read(self, path):
        """Bytes of a file on the ESP as it was at the start: Bochs drops what the guest writes."""
        return esp.read(self.image.esp(self), path)

    def _fate(self):
        """What became of Bochs, in words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        rc = self.process.poll()
        if rc in (124, 137):
            return f"Bochs was ended by the time limit of {self.options.time_limit} s"
        state = "Bochs runs" if rc is None else f"Bochs has ended with status {rc} (1 is usual)"
        important = [line for line in self.emulator_log().splitlines() if KEPT_ALWAYS.search(line)]
        return state + "; its log says:\n" + "\n".join(important[-10:] or self.emulator_log().splitlines()[-10:])

    def error(self, what):
        """A MachineError with everything a person needs to see."""
        return MachineError(
            f"{self.name}: {what}\n--- {self._fate()}\n--- last lines of {LOGS / self.name}.log:\n{self.serial.tail()}")
