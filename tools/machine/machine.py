# SPDX-License-Identifier: GPL-2.0-only
"""The test machine: one emulated PC with UEFI, as a Python context manager.

    from machine import Machine                          # sys.path has tools/
    with Machine("mytest", openvbs="debug", cpus=2) as m:
        m.wait_ready()                                   # the image's shell is there
        rc, out = m.run("cat /proc/cpuinfo")             # in the guest; m.sh() raises if rc != 0

Machine(name, ...) -- the transcript goes to build/logs/<name>.log
  image     "tiny" (Debian kernel + busybox, boots in seconds), "debian" (full Debian, of the host's release), or None
  openvbs   None (baseline), "release", "debug" (build/<flavor>/openvbs.efi, signed here), or a Path
  conf      text of \\EFI\\openvbs\\openvbs.conf; default: `next=` the image
  policy    settings of the policy file on the ESP, {"vbs": 1, "level": 3, ...} (settings.py); default: VBS on; None: no file
  local     the same for the local values, in a UEFI variable; default: none
  boot      Path/bytes of an EFI program put (signed) in place of \\EFI\\BOOT\\BOOTX64.EFI, for EFI tests
  sign      False: put openvbs/boot/tiny image unsigned on the ESP
  esp       {path on the ESP: Path | bytes | str}, as they are (sign with machine.keys.sign_efi)
  cmdline   added to the kernel's command line
  files     {path: Path|bytes|str} added to the tiny image's initramfs (on Debian: esp, seen at /boot/efi, or scp)
  cpus=2 (1..8)  mem=1024 (MiB)  qemu="10"|"7.2"  secure_boot=True  tpm=False (swtpm)
  iommu     None, "amd", "intel"; or the whole -device text
  x2apic    None (as the CPU model), True, False; Linux uses x2APIC mode only with iommu= too
  cpu="max,+svm"; cpu_flags="-svm,..." is added
  icount    True: count guest instructions (1 CPU)      thread="single"|"multi"
  edu       True: QEMU's DMA test device                devices: more `-device` texts
  disks     Paths of raw images, attached by disk_if ("ide-hd", "nvme", "virtio-blk-pci...") with snapshot
  ssh       True: forward m.ssh_port to the guest's port 22;  network: NIC model
  reboot    True: a guest's reset resets; False: it ends QEMU (so that a crash is seen at once)
  time_limit=120 s, always enforced from outside;  qemu_args: anything else
  state     directory that keeps variables, TPM and disk of this machine beyond its end

Methods
  wait_for(regex, seconds=None)  on the first serial line, after the last match -> re.Match
  wait_ready(seconds=None)       the image's shell prompt / login is reached
  run(cmd, seconds=60) -> (rc, output)    sh(cmd, seconds=60) -> output, raises unless rc == 0
  send(text)                     type on the first serial line
  put(path, content)             write a small file in the guest (a big one: `files`, `esp` or scp)
  qmp(command, **args)           raw QMP;  hmp(text): human monitor;  event(name, seconds)
  reset(), powerdown(), nmi(), status(), registers(), screendump(path)
  stop(), start()                power off hard and on again, same variables/TPM/disk
  wait_exit(seconds)             until QEMU has ended by itself -> exit status
  log_text()                     all text of the first serial line so far;  esp_read(path)
  variable(name, guid)           a UEFI variable in flash, hidden ones too -> (attributes, bytes) or None
  remote(cmd) -> (rc, output)    over ssh (image="debian", ssh=True);  scp(src, dst)
  dir, pid, tpm_pid, ssh_port, accel
Every failure raises MachineError with the tail of the transcript and the state of the CPUs.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import accel, arguments, emulators, esp, images, keys, settings, uefivars
from .common import BUILD, LOGS, MachineError
from .console import Result, Serial
from .guest import Guest
from .qmp import QMP

KILL_AFTER = 5  # seconds between the polite and the final signal at the time limit


SO_SNDBUFFORCE = 32  # Linux, asm-generic/socket.h
ROOM = 4 << 20


def roomy_pair():
    """A socket pair whose second end takes much before it blocks.

    QEMU sends a serial line's bytes one by one and drops what does not fit after some
    tries; the kernel counts about 768 bytes of room for each, so that by default a
    reader that gets no CPU for a quarter of a second loses text.
    """
    ours, theirs = socket.socketpair()
    try:
        theirs.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, ROOM)
    except PermissionError:  # without CAP_NET_ADMIN: as much as the system allows
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
    return ours, theirs


class Machine(Guest):
    """See the head of this file."""

    def __init__(self, name, **options):
        self.name = name
        self.options = arguments.Options(**options)
        self.emulator = emulators.get(self.options.qemu)
        self.accel = accel.choose(self.options.icount)
        self.image = images.get(self.options.image)
        self.process = self.qmp = self.serial = self.agent = None
        self.ssh_port = None
        self._swtpm = self._leave = None
        self._logs = []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.prepared())
            self.start()
            self._leave = stack.pop_all()
        return self

    def __exit__(self, *exc):
        self._leave.close()

    @contextlib.contextmanager
    def prepared(self):
        """The machine's files (variables, ESP, disk) exist inside this context; power is off."""
        if self.options.state:
            self.dir = Path(self.options.state).resolve()
            self.dir.mkdir(parents=True, exist_ok=True)
        else:
            (BUILD / "run").mkdir(parents=True, exist_ok=True)
            self.dir = Path(tempfile.mkdtemp(prefix=f"{self.name}.", dir=BUILD / "run"))
        LOGS.mkdir(parents=True, exist_ok=True)
        self.ssh_port = _free_port() if self.options.ssh else None
        try:
            variables = self.dir / "vars.fd"
            if not variables.exists():
                shutil.copyfile(keys.variables(self.emulator, self.options.secure_boot), variables)
                if self.options.local is not None:
                    uefivars.put(variables, settings.GUID, {settings.LOCAL: settings.record(self.options.local)})
            self.image.prepare(self)
            yield
        finally:
            self.stop()
            for log in self._logs:
                log.close()
            if not self.options.state:
                shutil.rmtree(self.dir)

    def variable(self, name, guid):
        """(attributes, bytes) of a UEFI variable in flash, also of those that no operating system sees; None: absent.

        Power must be off, or the firmware idle.
        """
        copy = self.dir / "vars.read.fd"
        shutil.copyfile(self.dir / "vars.fd", copy)
        return uefivars.get(copy, name, guid)

    # --- power -----------------------------------------------------------

    def start(self):
        """Power on."""
        with contextlib.ExitStack() as stack:
            ends = {}
            for line in ("serial", "agent", "qmp") + (("tpm",) if self.options.tpm else ()):
                ours, theirs = roomy_pair()
                stack.callback(theirs.close)
                ends[line] = (ours, theirs)
            if self.options.tpm:
                self.start_tpm(stack.enter_context(ends["tpm"][0]))
            self._start_qemu({line: theirs.fileno() for line, (_, theirs) in ends.items()})
        self._agent_ready = False
        now = time.monotonic()
        self.serial = Serial(ends["serial"][0], self._log(f"{self.name}.log"), now)
        self.agent = Serial(ends["agent"][0], self._log(f"{self.name}.agent.log"), now)
        try:
            self.qmp = QMP(ends["qmp"][0])
        except MachineError as e:
            raise MachineError(f"QEMU did not start: {self._qemu_said()}\n{e}") from None

    def _log(self, name):
        self._logs.append(open(LOGS / name, "a" if self.serial else "w", encoding="utf-8"))
        return self._logs[-1]

    def start_tpm(self, ours):
        """Start a TPM with its state in the machine's directory, controlled through the socket `ours`."""
        state = self.dir / "tpm"
        state.mkdir(exist_ok=True)
        with open(LOGS / f"{self.name}.swtpm.log", "ab") as log:
            self._swtpm = subprocess.Popen(
                ["swtpm", "socket", "--tpm2", "--terminate", "--tpmstate", f"dir={state}",
                 "--ctrl", f"type=unixio,clientfd={ours.fileno()}"],
                pass_fds=[ours.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _start_qemu(self, fds):
        command = [*self.emulator.argv, *arguments.build(self, fds)]
        # `timeout` outlives us: whatever happens to this process, the limit holds.
        guard = ["timeout", f"--kill-after={KILL_AFTER}", str(self.options.time_limit)]
        (self.dir / "qemu.pid").unlink(missing_ok=True)
        with open(LOGS / f"{self.name}.qemu.log", "wb") as log:
            log.write((" ".join(command) + "\n").encode())
            log.flush()
            self.process = subprocess.Popen(
                guard + command, env={**os.environ, **self.emulator.env}, pass_fds=list(fds.values()),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        """Power off at once. The time limit's own guard ends a QEMU that doesn't listen."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(KILL_AFTER + 10)
        if self._swtpm:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._swtpm.wait(5)
            if self._swtpm.poll() is None:
                self._swtpm.kill()
                self._swtpm.wait(5)
            self._swtpm = None
        for line in (self.serial, self.agent):
            if line:
                line.close()
        if self.qmp:
            self.qmp.sock.close()
            self.qmp = None

    @property
    def pid(self):
        """Process id of QEMU itself (its guard is self.process)."""
        return int((self.dir / "qemu.pid").read_text(encoding="ascii"))

    @property
    def tpm_pid(self):
        """Process id of swtpm."""
        return self._swtpm.pid

    def wait_exit(self, seconds=30):
        """Wait until QEMU has ended by itself; its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.error(f"QEMU still runs after {seconds} s") from None

    # --- monitor ---------------------------------------------------------

    def hmp(self, text):
        return self.qmp("human-monitor-command", command_line=text)

    def event(self, name, seconds=30):
        return self.qmp.event(name, seconds)

    def status(self):
        return self.qmp("query-status")["status"]

    def reset(self):
        self.qmp("system_reset")

    def powerdown(self):
        self.qmp("system_powerdown")

    def nmi(self):
        self.qmp("inject-nmi")

    def registers(self):
        """`info registers` of every CPU."""
        return self.hmp("info registers -a")

    def screendump(self, path):
        self.qmp("screendump", filename=str(path), format="png")

    # --- ssh, files ------------------------------------------------------

    def _ssh_options(self):
        if not self.ssh_port:
            raise MachineError(f"{self.name}: no ssh: the machine was made without ssh=True")
        return ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                "-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-i", str(keys.keys() / "id_ed25519")]

    def remote(self, command, seconds=60):
        """Run a command over ssh as root -> Result(rc, output)."""
        argv = ["ssh", *self._ssh_options(), "-p", str(self.ssh_port), "root@127.0.0.1", command]
        return self._host(argv, seconds)

    def scp(self, source, target):
        """Copy a file of the host into the guest over ssh."""
        argv = ["scp", "-q", *self._ssh_options(), "-P", str(self.ssh_port), str(source), f"root@127.0.0.1:{target}"]
        rc, output = self._host(argv, 120)
        if rc:
            raise self.error(f"scp {source} to {target} failed: {output}")

    def _host(self, argv, seconds):
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise self.error(f"not finished within {seconds} s: {argv[0]} ... {argv[-1]!r}") from None
        return Result(done.returncode, done.stdout.decode(errors="replace"))

    def esp_read(self, path):
        """Bytes of a file on the ESP, as the guest left it."""
        return esp.read(self.image.esp(self), path)

    # --- failure ---------------------------------------------------------

    def _qemu_said(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        text = (LOGS / f"{self.name}.qemu.log").read_text(errors="replace")
        return text.split("\n", 1)[1].strip() or "(it printed nothing)"

    def _fate(self):
        """What became of QEMU, in words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        rc = self.process.poll()
        if rc is None:
            try:
                return f"QEMU is {self.status()}\n{_summary(self.registers())}"
            except MachineError as e:
                return f"QEMU runs, but: {e}"
        if rc in (124, 137):
            return f"QEMU was ended by the time limit of {self.options.time_limit} s"
        return (f"QEMU has ended with status {rc} (the guest was reset or powered off, or QEMU failed); "
                f"it said: {self._qemu_said()}")

    def error(self, what):
        """A MachineError with everything a person needs to see."""
        return MachineError(
            f"{self.name}: {what}\n--- {self._fate()}\n--- last lines of {LOGS / self.name}.log:\n{self.serial.tail()}")


def _summary(registers):
    """The lines of `info registers` that tell where each CPU is."""
    keep = ("CPU#", "RIP=", "CS =", "CR0=", "EFER=")
    return "\n".join(line for line in registers.splitlines() if line.startswith(keep)).replace("\r", "")


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
