# SPDX-License-Identifier: GPL-2.0-only
"""What each attack must come to.

A row states what hardware without SVM gives (`hardware`), which outcomes are
right under openvbs (`accept`), and why where the two differ or where it is not
obvious. Outcomes are the words that the attack programs print. ATTACKS lists,
in the order in which they run, each attack with its rows and the platforms it
is for; a row that is missing is an error, and so is one that is not listed.
CONTROL says what the same attacks give without openvbs: all of it must fail
the judgement of the table, or the table proves nothing.
"""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Platform:
    """A machine to run on. `smm`: firmware with an SMM handler (and Secure Boot, so kernel lockdown)."""

    name: str
    cpus: int
    x2apic: bool
    smm: bool

    @property
    def last(self):
        return self.cpus - 1


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    hardware: str
    accept: tuple
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Attack:
    """`where`: which platforms; `final`: the machine is not used any further; `alone`: in a boot of its own."""

    name: str
    rows: typing.Callable  # platform -> [Row]
    where: typing.Callable = lambda p: True
    final: bool = False
    seconds: int = 120


def same(hardware, *names, why=""):
    """Rows in which openvbs gives what hardware gives."""
    return [Row(n, hardware, (hardware,), why) for n in names]


def other(hardware, accept, *names, why):
    """Rows in which openvbs may give something else than hardware, for a reason."""
    return [Row(n, hardware, (accept,) if isinstance(accept, str) else tuple(accept), why) for n in names]


def fixed(*groups):
    """A row function for rows that are the same on all platforms."""
    rows = [r for g in groups for r in g]
    return lambda platform: rows


def words(text):
    return text.split()


SVM = words("vmsave vmload vmrun stgi clgi skinit invlpga vmmcall")
ABSENT = words("vmrun_a32 vmrun_o16 vmrun_lock vmrun_rep vmsave_a32 vmload_a32 vmgexit vmgexit_f2 vmmcall_lock invlpgb "
               "tlbsync psmash pvalidate rmpadjust rmpupdate rmpquery vmcall vmlaunch vmresume vmxoff vmfunc vmread "
               "vmwrite getsec encls tdcall rsm ud2 vmxon vmptrld invept")

FROZEN = ("a machine without openvbs lets the kernel decide where memory is; with it, "
          "these registers keep their value, because they could put something else in the hypervisor's place")
BELOW = "there is no such register on hardware; it would ask a hypervisor below openvbs to write to memory"
EMULATOR = "hardware raises #GP; QEMU's TCG does not check, and openvbs passes the register through"

REGS = fixed(
    other("#GP", ("#GP", "ok"), *words("cr0_bit32 cr0_bit63 cr0_nw_without_cd cr8_bit4"), why=EMULATOR),
    same("#GP", *words("dr6_bit32 dr7_bit32 xcr0_zero xcr0_no_x87 xcr0_avx_without_sse xcr0_bit63 xcr0_bit40 xcr1 efer_svme")),
    same("#UD", "xsetbv_without_osxsave"),
)
RESERVED = (
    same("#GP", *words("efer_bit1 efer_bit9 efer_bit63"), why="reserved bits; they must not reach the VMCB")
    + other("#GP", ("#GP", "reset"), *words("cr3_bit52 cr3_bit62 cr4_bit31 cr4_bit63 cr4_bit15 cr4_vmxe cr4_smxe cr4_pae_off "
                                            "cr4_fred cr4_la57_flip"),
            why="QEMU ends the guest with VMEXIT_INVALID instead; a machine that resets is acceptable there, one that hangs is not")
    + other("#GP", ("#GP", "ok", "reset"), *words("cr0_bit32_exit cr0_nw_exit"),
            why=EMULATOR + "; the next VMRUN sees the value, and the machine must not hang")
    + same("#GP", "dr7_bit32_exit")
)

MSRS = fixed(
    same("hidden", "efer_svme_read"),
    same("#GP", *words("vm_cr_read vm_cr_write_same vm_cr_svmdis vm_cr_rinit hsave_read hsave_zero hsave_hidden "
                       "svm_key_read svm_key_write"), why="SVM's own registers do not exist without SVM"),
    other("changed", "#GP", "apic_base_hidden", "apic_base_log",
          why="hardware moves the APIC; over the hypervisor's memory it would answer in its place: the base stays"),
    same("#GP", *words("apic_base_bit9 apic_base_bit0 apic_base_bit52 apic_base_extd_without_en")),
    other("changed", ("#GP", "unchanged"), *words("top_mem_zero smm_mask"), why=FROZEN + " (this one may hold the value already)"),
    other("changed", "#GP", *words("top_mem_hidden top_mem2_hidden top_mem2_4g syscfg_tom2_off syscfg_fix_dram "
                                   "syscfg_mem_encrypt iorr_base0 iorr_mask0 iorr_base1 iorr_mask1 smm_base "
                                   "smm_base_hidden smm_addr smm_mask_tclose mmio_config_hidden"), why=FROZEN),
    other("#GP", ("#GP", "unchanged"), *words("intel_smbase intel_smm_monitor rmp_base_hidden rmp_end feature_control"),
          why="not on this CPU; QEMU ignores it"),
    other("changed", ("#GP", "unchanged", "changed"), *words("hwcr_smmlock io_trap0 io_trap_ctl smi_on_io"),
          why="harmless: SMM is part of the trusted firmware; nothing of the hypervisor depends on them"),
    same("#GP", "ghcb_hidden", why="SEV is hidden with SVM"),
    other("#GP", ("#GP", "changed"), "pat_reserved_type", why=EMULATOR),
    same("#GP", *words("kvm_wall_clock_old kvm_system_time_old kvm_wall_clock kvm_system_time kvm_async_pf kvm_steal_time "
                       "kvm_pv_eoi kvm_migration hv_guest_os_id hv_hypercall_page hv_reset hv_reference_tsc hv_icr "
                       "hv_vp_assist hv_siefp hv_simp hv_crash_ctl xen_hypercall_page"), why=BELOW),
    other("#GP", ("#GP", "unchanged"), "vmware_backdoor", why=BELOW + "; QEMU ignores it"),
)

READS = words("movb movw movl movq movzx movsq rep_movsb lodsq push add cmp bt movbe movups lddqu vmovdqu fld outsb crc32 "
              "prefetchw clflush clflushopt clwb monitor invlpg")
WRITES = words("movb movw movl movq stosb stosq rep_movsb rep_movsb_down xchg add lock_inc cmpxchg_equal cmpxchg_other "
               "cmpxchg16b xadd bts setcc not movnti movbe movups movntdq vmovdqu fst fxsave xsave stmxcsr pop push_stack "
               "call_stack enter_stack sgdt sidt smsw str sldt mov_sreg insb pushf_stack")
BORDER_READS = words("movl movq movsq rep_movsb lodsq push add cmp bt movbe movups lddqu vmovdqu fld")
BORDER_WRITES = words("movl movq stosq rep_movsb rep_movsb_down xchg add lock_inc cmpxchg_equal cmpxchg_other xadd bts not "
                      "movnti movbe movups vmovdqu fst stmxcsr pop push_stack call_stack enter_stack sgdt sidt pushf_stack")

HIDDEN = "the block is not there for VTL0: reads give zeros, writes and fetches #GP; such memory has no counterpart in hardware"
MAPPINGS = words("map_4k_wb map_4k_pwt map_4k_pcd map_4k_uc map_4k_pat4 map_4k_pat7 map_4k_nx map_4k_not_accessed map_2m_wb "
                 "map_2m_uc map_2m_pat4 map_1g_wb map_1g_uc map_1g_pat4")


def hidden(accept, *names, why=HIDDEN):
    return other("-", accept, *names, why=why)


TABLES = [f"{what}_as_{level}_{how}" for what in ("hidden", "log", "counters") for level in ("pt", "pd", "pdpt")
          for how in ("read", "write")]


def nmi_rows(p):
    names = []
    for sender in sorted({0, p.last}):
        names += [f"nmi_{sender}_to_{cpu}_{how}" for cpu in range(p.cpus) for how in ("physical", "logical")]
        names += [f"nmi_{sender}_{how}" for how in ("all_but_self", "all", "broadcast_id")]
    return (same("exact", *names, "nmi_in_nmi", why="each NMI arrives once")
            + other("exact", ("exact", "none"), *[f"nmi_{s}_self_shorthand" for s in sorted({0, p.last})],
                    why="not a valid combination (APM 2, table 16-4)")
            + guarded("after_nmi"))


def burst(p):
    """Which CPUs the burst went to depends on where the attack ran: any all-but-one of them."""
    return [Row(f"nmi_burst_cpu{cpu}", "ok", ("ok",), "several may become one, none is invented") for cpu in range(p.cpus)]


def guarded(*names):
    return other("-", "guarded", *names, why="afterwards every CPU is still a guest and the memory hidden")


INIT_STOPS = words("init_physical init_level_assert init_with_vector init_all_but_self init_all_but_self_level "
                   "init_all_but_self_logical")


def init_rows(p):
    return (other("stopped", "guarded", *INIT_STOPS, why="the CPU stops as on hardware, starts at the SIPI, and is still guarded")
            + other("ignored", ("ignored", "guarded"), "init_no_assert_edge", why="the level bit of an edge INIT is not defined")
            + other("stopped", "guarded" if p.x2apic else ("guarded", "ignored"), "init_logical",
                    why="xAPIC: the logical id of a CPU that was reset is 0, so nobody is meant")
            + same("ignored", "init_deassert", "sipi_while_running")
            + same("exact", "nmi_own_cpu")
            + other("stopped", "guarded", "nmi_before_sipi", "init_three_times", "hotplug_with_init",
                    why="the CPU starts at the SIPI and is still guarded")
            + guarded("after_init"))


ICR_PLAIN = words("mov_ecx mov_r8d mov_imm mov_disp8 mov_disp32 mov_sib mov_rep_prefix xchg stosl rep_stosl movsl rep_movsl "
                  "rep_movsl_from_below movnti movbe or add xor sub lock_or inc bts shl cmpxchg xadd movd_xmm movss pextrd "
                  "fistl fsts mov_fs code_across_pages through_2m through_1g write_back_mapping")
ICR_UNDEFINED = words("mov_rex_w mov_16 mov_8 mov_16_imm mov_below mov_unaligned mov_crossing rep_movsb pop pop_16 "
                      "push_stack push_16_stack movups vmovdqu movnti_q")
COMMON_FORMS = words("mov_ecx mov_r8d mov_imm mov_disp8 mov_disp32 mov_sib xchg stosl mov_fs code_across_pages through_2m "
                     "through_1g write_back_mapping")


def icr_rows(p):
    if p.x2apic:
        return (other("delivered", "delivered", *words("x2_init x2_init_level x2_init_logical x2_init_all_but_self"),
                      why="the INIT arrives, by the hypervisor's hand")
                + other("#GP", ("#GP", "delivered"), "x2_init_bit12", why="reserved; QEMU and some CPUs ignore it")
                + same("#GP", *words("x2_init_bit13 x2_init_bit16 x2_init_bit20 x2_init_bit31 x2_init_all_but_self_reserved"),
                       why="reserved bits")
                + guarded("after_icr"))
    plain = [f"icr_{n}" for n in ICR_PLAIN]
    common = {f"icr_{n}" for n in COMMON_FORMS}
    return (other("delivered", "delivered", *[n for n in plain if n in common],
                  why="forms that kernels use: the INIT arrives, by the hypervisor's hand")
            + other("delivered", ("delivered", "#GP"), *[n for n in plain if n not in common],
                    why="hardware takes it; openvbs emulates MOV, XCHG and STOS only (docs/caveats.md), never lets the INIT pass")
            + other("undefined", ("delivered", "dropped", "#GP"), *[f"icr_{n}" for n in ICR_UNDEFINED],
                    why="not an aligned 32-bit store: undefined (APM 2, 16.3.2); it must not pass unnoticed")
            + guarded("after_icr"))


def x2_rows(p):
    if not p.x2apic:
        return other("-", "xapic", *words("x2_icr_bit12 x2_icr_bit13 x2_icr_bit16 x2_icr_bit20 x2_icr_bit31 x2_icr_high "
                                          "x2_self_ipi_high x2_eoi_one x2_id"), why="not in x2APIC mode") + guarded("after_x2_reserved")
    return (same("#GP", *words("x2_icr_bit13 x2_icr_bit16 x2_icr_bit20 x2_icr_bit31 x2_icr_high x2_id"))
            + other("#GP", ("#GP", "ok"), *words("x2_icr_bit12 x2_self_ipi_high x2_eoi_one"), why=EMULATOR)
            + guarded("after_x2_reserved"))


def smi_rows(p):
    return same("ok", *[f"smi_cpu{c}" for c in range(p.cpus)], "smi_all_but_self") + guarded("after_smi")


WAYS = words("port port_bytes ecam ecam_bytes")
PCI = fixed(
    other("moved", ("refused", "#GP"), *[f"pci_{n}_{w}" for n in words("epbar mchbar pciexbar dmibar rcba pmbase") for w in WAYS],
          why="chipset ranges over the hypervisor's memory, or sleep registers elsewhere: they stay where firmware put them"),
    other("moved", ("refused", "#GP"), *[f"pci_smramc_{w}" for w in WAYS],
          why="SMRAM is firmware's; its handler runs in the host, so it must not be opened, locked by firmware or not"),
    other("moved", ("moved", "refused", "#GP"), *[f"pci_display_{b}_{w}" for b in ("bar0", "bar2") for w in WAYS],
          why="a device's memory over RAM: RAM wins (BKDG, PPR: DRAM ranges end at TOP_MEM); the block stays hidden"),
    guarded("after_pci"),
)

S3 = "hardware sleeps and wakes without the hypervisor: refused, the machine stays awake"
RESET = "as on hardware: the machine is reset"

ATTACKS = [
    Attack("insns", fixed(same("#UD", *SVM, *ABSENT))),
    Attack("invd", fixed(same("kept", "invd", why="turned into WBINVD"))),
    Attack("svme", fixed(same("#GP", "svme_set", "svme_hsave"),
                         same("#UD", *words("svme_vmsave svme_vmload svme_vmrun svme_stgi svme_clgi svme_stgi_again")))),
    Attack("vmmcall_random", fixed(same("#UD", "vmmcall_random"))),
    Attack("user", fixed(other("SIGILL", ("SIGILL", "SIGSEGV"), *words("user_vmrun user_vmmcall user_vmload user_vmsave "
                                                                       "user_stgi user_clgi user_skinit user_invlpga "
                                                                       "user_vmcall user_rsm"),
                               why="AMD CPUs check the privilege first: #GP, docs/caveats.md"),
                         hidden(("ok", "locked"), "devmem_read", why="reads zeros (or the kernel is locked down)"),
                         hidden(("SIGSEGV", "locked"), "devmem_write", "devmem_fetch"),
                         hidden(("refused", "killed", "locked"), "devmem_write_call",
                                why="the kernel's own store gets the #GP: it ends the process")), final=True),
    Attack("regs", REGS),
    Attack("cpuid_mirrors", fixed(same("follows", "cpuid_osxsave"), other("follows", ("follows", "absent"), "cpuid_ospke",
                                                                           why="absent without protection keys"))),
    Attack("steps", fixed(same("#DB", *words("step_nop step_cpuid step_cpuid_hv step_rdmsr_efer step_wrmsr_efer step_wbinvd"),
                               why="the single-step trap comes right behind an emulated instruction"))),
    Attack("msrs", MSRS),
    Attack("mtrr", fixed(other("ok", ("ok", "#GP"), "mtrr_over_block", why="only makes memory slow; no other effect is allowed"))),
    Attack("msr_sweep", fixed(same("done", "msr_sweep", why="a value or #GP each, compared with the same machine without openvbs"))),
    Attack("cpuid_hidden", fixed(same("hidden", "cpuid_svm", "cpuid_skinit", "cpuid_svm_leaf"))),
    Attack("cpuid_sweep", fixed(same("done", "cpuid_sweep", why="compared with the same machine without openvbs"))),
    Attack("block", fixed(hidden("known", "block_size"), hidden("zeros", "block_read"), hidden("#GP", "block_write"))),
    Attack("fetch", fixed(hidden("#GP", "fetch_hidden", "fetch_log", "fetch_counters"))),
    Attack("mappings", fixed(hidden("denied", *MAPPINGS))),
    Attack("linux_maps", fixed(hidden(("denied", "unmapped"), *words("ioremap ioremap_cache ioremap_wc memremap_wt direct_map")))),
    Attack("readonly", fixed(same("#PF", "map_4k_readonly", why="the guest's own tables come first"))),
    Attack("reads", fixed(hidden("zeros", *[f"read_{n}" for n in READS]))),
    Attack("writes", fixed(hidden("#GP", *[f"write_{n}" for n in WRITES]))),
    Attack("straddle", fixed(hidden("#GP", *[f"{s}_write_{n}" for n in BORDER_WRITES for s in ("into", "outof")]),
                             hidden("zeros", *[f"{s}_read_{n}" for n in BORDER_READS for s in ("into", "outof")]))),
    Attack("run_into", fixed(hidden("#GP", "fetch_run_into", "fetch_half_instruction"))),
    Attack("tables", fixed(hidden(("#GP", "#PF"), *TABLES, why="page tables there: nothing found, no accessed or dirty bit set"))),
    Attack("descriptors", fixed(hidden("zeros", "gdt_hidden"), hidden(("zeros", "found"), "gdt_log", why="the log may be read"),
                                hidden("#GP", "sgdt_hidden", "sgdt_log"))),
    Attack("nmi", nmi_rows),
    Attack("odd_ipis", fixed(same("ok", *words("icr_vector0 icr_vector15 icr_mode3 icr_extint icr_lowest_vector0 "
                                               "icr_sipi_running icr_init_deassert icr_init_deassert_all icr_absent_cpu")),
                             guarded("after_odd_ipis"))),
    Attack("x2_reserved", x2_rows),
    Attack("smi", smi_rows, where=lambda p: p.smm),
    Attack("icr_forms", icr_rows, seconds=180),
    Attack("init", init_rows, seconds=180),
    Attack("init_shorthands", fixed(same("ignored", "init_self_shorthand", "init_all_shorthand",
                                         why="not valid for INIT (APM 2, table 16-4): not delivered"),
                                    guarded("after_shorthands"))),
    Attack("smi_own", fixed(same("ok", "smi_own_cpu", "smi_own_cpu_all_but_self"),
                            other("stopped", "guarded", "smi_then_init", "smi_all_then_init", why="both are carried out"),
                            guarded("after_smi_own")), where=lambda p: p.smm),
    Attack("physical", fixed(hidden("zeros", *words("phys_read phys_read_again phys_read_after_task")),
                             hidden("#GP", *words("phys_write phys_fetch phys_movs_in phys_log_write phys_task_save_hidden")),
                             hidden("ok", "phys_ltr_hidden", why="loads the register only"), guarded("after_phys"))),
    Attack("protected_mode", fixed(same("#UD", *words("prot_vmrun prot_vmmcall prot_vmsave prot_stgi prot_clgi prot_skinit "
                                                      "prot_invlpga prot_rsm")),
                                   same("#GP", *words("prot_efer_svme prot_hsave prot_vm_cr")),
                                   same("ok", "prot_ltr"), same("content", "prot_task", why="the task switch works"),
                                   guarded("after_prot"))),
    Attack("self_init", fixed(other("stopped", "guarded", "init_self_by_id", why="the CPU waits for a SIPI and is still guarded"),
                              guarded("after_self_init"))),
    *[Attack(n, fixed(other("sleeps", ("ignored", "#GP"), n, why=S3)), seconds=30)
      for n in words("s3_outw s3_outb s3_outl s3_outl_below s3_outw_across s3_outsw s3_outsb")],
    Attack("s3_moved_pm_block", fixed(other("sleeps", ("refused", "ignored", "#GP", "none"), "s3_moved_pm_block", why=S3))),
    Attack("pci", PCI),
    Attack("a20", fixed(other("open or closed", "open", *words("a20_port92 a20_port92_wide a20_output_port "
                                                               "a20_output_port_late a20_command a20_pulse"),
                              why="where the gate still exists, it would mask the hypervisor's addresses too: it stays open"),
                        guarded("after_a20"))),
    Attack("icr_busy", fixed(other("stopped", ("delivered", "xapic"), "icr_busy_then_init",
                                   why="bit 12 is read-only: nobody may wait for it for ever"),
                             guarded("after_icr_busy")),
           where=lambda p: not p.x2apic, seconds=40),
    *[Attack(row.name, fixed([row]), where=lambda p: p.cpus == 2, seconds=20) for row in RESERVED],
    Attack("apic_mode", fixed(other("ok", ("ok", "#GP"), "apic_mode_to_x2", why="#GP where the CPU has no x2APIC"),
                              other("#GP", ("#GP", "ok"), "apic_mode_back", why="without x2APIC there was no way there"),
                              other("stopped", "guarded", "apic_mode_self_init", why="INIT in the new mode"),
                              guarded("apic_mode_after")), final=True),
    *[Attack(n, fixed(same("reset", n, why=RESET)), where=lambda p: p.cpus == 2, final=True,
             seconds=30)
      for n in words("final_idt_hidden final_cr3_hidden final_gdt_hidden final_triple_fault final_init_boot_cpu "
                     "final_init_broadcast final_port92 final_keyboard")],
]

EFI_ROWS = (hidden("openvbs", "efi_signature", why="the program runs under openvbs") + same("hidden", "efi_cpuid_svm", "efi_efer_read")
            + same("#UD", *[f"efi_{n}" for n in SVM], "efi_rsm", "efi_svme_vmrun")
            + same("#GP", *words("efi_efer_svme efi_vm_cr efi_hsave"))
            + other("changed", "#GP", "efi_apic_base", why="the base stays")
            + hidden("zeros", "efi_block_read") + hidden("#GP", "efi_block_write", "efi_block_fetch")
            + hidden("agrees", "efi_block_size", why="the status table tells the true size"))

OUTSIDE_ROWS = hidden("content", "outside_not_empty",
                      why="seen from the emulator, the block is full: the zeros that VTL0 reads are not simply empty memory"
                      ) + hidden("intact", "outside_text", why="the hypervisor's code in memory is the file's, after all attacks")

# CPUID leaves that may differ from the same machine without openvbs: leaf -> {register: bits that may differ}.
CPUID_DIFFERS = {
    0x80000001: ({"c": 1 << 2 | 1 << 12}, "SVM and SKINIT are hidden"),
    0x80000008: ({"b": 1 << 3}, "INVLPGB is hidden"),
    0x8000000A: ("all", "SVM features: zeros"),
    0x8000001F: ("all", "memory encryption: zeros"),
    0x80000023: ("all", "memory encryption: zeros"),
}
CPUID_OWN = (0x40000000, 0x4FFFFFFF)  # openvbs's own leaves: docs/abi.md

# MSRs whose class (value or #GP) may differ, and why.
MSR_HIDDEN = {
    0xC0000104: "TSC ratio: SVM's", 0xC0010114: "VM_CR", 0xC0010116: "SMM_CTL", 0xC0010117: "VM_HSAVE_PA",
    0xC0010118: "SVM_KEY", 0xC0010119: "local SMI status", 0xC001011B: "AVIC doorbell",
    0xC0010130: "SEV GHCB", 0xC0010131: "SEV status",
}
MSR_HIDDEN_RANGES = ((0x40000000, 0x4FFFFFFF, "registers of software below: not passed on"),
                     (0x11, 0x12, "KVM's old clock registers: not passed on"))
# Values that differ from boot to boot, or by the run of time.
MSR_VOLATILE_RANGES = ((0x10, 0x10), (0x34, 0x34), (0x174, 0x176), (0xE7, 0xE8), (0x6E0, 0x6E0), (0x800, 0x8FF),
                       (0xC0000081, 0xC0000084), (0xC0000100, 0xC0000103), (0x198, 0x198), (0x1B, 0x1B))

# Without openvbs, on the same emulator: row -> outcome. None of it passes for right.
CONTROL = {
    "svme": {"svme_set": "ok", "svme_hsave": "ok", "svme_vmsave": "ok", "svme_vmload": "ok", "svme_vmrun": "ok",
             "svme_stgi": "ok", "svme_clgi": "ok", "svme_stgi_again": "ok"},
    "msrs": {"hsave_read": ("zero", "ok"),  # what "svme" wrote, if it ran on the same CPU
             "hsave_hidden": "changed", "vm_cr_read": "zero", "apic_base_hidden": "changed",
             "kvm_system_time": "unchanged", "hv_hypercall_page": "unchanged", "iorr_base0": "unchanged"},
    "regs": {"efer_svme": "ok"},
    "cpuid_hidden": {"cpuid_svm": "shown", "cpuid_svm_leaf": "shown"},
    "block": {"block_size": "none", "block_read": "none", "block_write": "none"},
    "fetch": {"fetch_hidden": "none", "fetch_log": "none", "fetch_counters": "none"},
    "writes": {f"write_{n}": "accepted" for n in WRITES if n not in ("cmpxchg_other", "sldt")},
    "protected_mode": {"prot_efer_svme": "ok", "prot_hsave": "ok", "prot_vm_cr": "ok", "after_prot": "bare"},
    "init": {"init_physical": "bare", "init_three_times": "bare", "after_init": "bare"},
    "self_init": {"init_self_by_id": "bare", "after_self_init": "bare"},
    "s3_outw": {"s3_outw": "slept"},
}
CONTROL_EFI = {"efi_signature": "other", "efi_cpuid_svm": "shown", "efi_efer_svme": "ok", "efi_svme_vmrun": "ok",
               "efi_hsave": "ok", "efi_block_read": "none"}
