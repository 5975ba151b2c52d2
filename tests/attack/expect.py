# SPDX-License-Identifier: GPL-2.0-only
"""What each attack must come to.

A row states what hardware without SVM gives (`hardware`), which outcomes are
right under openvbs (`accept`), and why where the two differ or where it is not
obvious. Outcomes are the words that the attack programs print. ATTACKS lists,
in the order in which they run, each attack with its rows and the platforms it
is for; a row that is missing is an error, and so is one that is not listed.
control() says what the same attacks give without openvbs: all of it must fail
the judgement of the table, or the table proves nothing.
"""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Platform:
    """A machine to run on. `smm`: firmware with an SMM handler (and Secure Boot, so kernel lockdown); `model`: of Bochs;
    `efi_only`: no Linux, the EFI program alone."""

    name: str
    cpus: int
    x2apic: bool
    smm: bool
    model: str = ""
    efi_only: bool = False

    @property
    def last(self):
        return self.cpus - 1

    @property
    def intel(self):
        return self.model not in ("", "ryzen")


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

    def fits(self, platform):
        """On one CPU (Bochs' AMD) there is no CPU to give away, and no other one to reach."""
        return self.where(platform) and (platform.cpus > 1 or self.name not in OTHER_CPU) and not platform.efi_only


OTHER_CPU = ("nmi odd_ipis x2_reserved smi icr_forms init init_shorthands smi_own physical protected_mode self_init icr_busy "
             "apic_mode vtl1_race vtl1_busy").split()


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


def called(p, rows, accept="ok"):
    """The vendor's own VMMCALL or VMCALL is a hypercall: in 64-bit mode at CPL 0 it has an answer."""
    own = "vmcall" if p.intel else "vmmcall"
    names = [own, f"vmxe_{own}", f"held_{own}", f"efi_{own}"] + ([] if p.intel else ["vmmcall_random"])
    accept = (accept,) if isinstance(accept, str) else accept
    prefixed = () if p.intel else ("vmgexit", "vmgexit_f2")
    return [dataclasses.replace(r, accept=accept, why="a hypercall") if r.name in names else
            dataclasses.replace(r, accept=("#UD", "#GP", "#PF", "ok"), why="VMMCALL with a prefix; without NRIPS its length is taken "
                                "for 3, and what is left of it runs in VTL0") if r.name in prefixed else r for r in rows]


SVM = words("vmsave vmload vmrun stgi clgi skinit invlpga vmmcall")
VMX = words("vmxon vmclear vmptrld vmptrst vmread vmwrite vmlaunch vmresume vmcall vmfunc invept invvpid vmxoff")
ABSENT = words("vmrun_a32 vmrun_o16 vmrun_lock vmrun_rep vmsave_a32 vmload_a32 vmgexit vmgexit_f2 vmmcall_lock invlpgb "
               "tlbsync psmash pvalidate rmpadjust rmpupdate rmpquery getsec encls tdcall seamcall seamret seamops rsm ud2")

FROZEN = ("a machine without openvbs lets the kernel decide where memory is; with it, "
          "these registers keep their value, because they could put something else in the hypervisor's place")
BELOW = "there is no such register on hardware; it would ask a hypervisor below openvbs to write to memory"
FOREIGN = "another vendor's; QEMU and Bochs ignore what they don't know"
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

AMD_MSRS = (
    same("#GP", *words("vm_cr_read vm_cr_write_same vm_cr_svmdis vm_cr_rinit hsave_read hsave_zero hsave_hidden "
                       "svm_key_read svm_key_write"), why="SVM's own registers do not exist without SVM")
    + other("changed", ("#GP", "unchanged"), *words("top_mem_zero smm_mask"), why=FROZEN + " (this one may hold the value already)")
    + other("changed", "#GP", *words("top_mem_hidden top_mem2_hidden top_mem2_4g syscfg_tom2_off syscfg_fix_dram "
                                     "syscfg_mem_encrypt iorr_base0 iorr_mask0 iorr_base1 iorr_mask1 smm_base "
                                     "smm_base_hidden smm_addr smm_mask_tclose mmio_config_hidden"), why=FROZEN)
    + other("changed", ("#GP", "unchanged", "changed"), *words("hwcr_smmlock io_trap0 io_trap_ctl smi_on_io"),
            why="harmless: SMM is part of the trusted firmware; nothing of the hypervisor depends on them")
    + other("#GP", ("#GP", "unchanged"), *words("rmp_base_hidden rmp_end"), why="not on this CPU; QEMU ignores it")
    + same("#GP", "ghcb_hidden", why="SEV is hidden with SVM")
)
INTEL_MSRS = (
    same("#GP", *words("vmx_basic vmx_true_pin vmx_ept_vpid vmx_vmfunc vmx_exit2 smm_monitor"),
         why="VMX's own registers do not exist without VMX")
    + same("#GP", *words("ds_area_hidden pebs_enable pebs_base_hidden pebs_index rtit_output_hidden rtit_mask rtit_ctl "
                         "hfi_ptr_hidden hfi_config"),
           why="what makes the CPU write to physical memory, or while the host runs, is hidden")
    + same("#GP", "feature_control_flip", "feature_control", why="locked")
    + other("changed", ("#GP", "unchanged"), *words("smrr_base_hidden smrr_mask prmrr_hidden tme_activate tme_exclude_hidden "
                                                    "trace_hub_hidden"), why=FROZEN)
    + other("#GP", ("#GP", "unchanged"), "intel_smbase", why="firmware's; Bochs ignores it")
)

APIC_MSRS = fixed(
    same("hidden", "efer_svme_read"),
    other("changed", "#GP", "apic_base_hidden", "apic_base_log",
          why="hardware moves the APIC; over the hypervisor's memory it would answer in its place: the base stays"),
    same("#GP", *words("apic_base_bit9 apic_base_bit0 apic_base_bit52 apic_base_extd_without_en")),
    other("#GP", ("#GP", "changed"), "pat_reserved_type", why=EMULATOR),
    other("#GP", ("changed", "unchanged"), "hv_guest_os_id", why="openvbs's own register, and without effect (TLFS, Hypercall Interface)"),
    same("#GP", *words("kvm_wall_clock_old kvm_system_time_old kvm_wall_clock kvm_system_time kvm_async_pf kvm_steal_time "
                       "kvm_pv_eoi kvm_migration hv_hypercall_page hv_reset hv_reference_tsc hv_icr "
                       "hv_vp_assist hv_siefp hv_simp hv_crash_ctl xen_hypercall_page"), why=BELOW),
    other("#GP", ("#GP", "unchanged"), "vmware_backdoor", why=BELOW + "; QEMU ignores it"),
)


def msr_rows(p):
    own, foreign = (INTEL_MSRS, AMD_MSRS) if p.intel else (AMD_MSRS, INTEL_MSRS)
    return APIC_MSRS(p) + own + [
        dataclasses.replace(r, hardware="#GP", accept=("#GP", "unchanged", "zero"),
                            why=FOREIGN) for r in foreign]


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


def table_rows(p):
    rows = hidden(("#GP", "#PF"), *TABLES, why="page tables there: nothing found, no accessed or dirty bit set")
    if not p.model:
        return rows
    return [r if r.name.startswith("hidden") else
            dataclasses.replace(r, accept=r.accept + ("changed",),
                                why="Bochs sets accessed bits without a look at the second-level tables (docs/caveats.md)")
            for r in rows]


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


def shorthand_rows(p):
    """Bochs delivers what hardware does not: then the boot CPU's INIT resets the machine, and nothing comes after it."""
    rows = (same("ignored", "init_self_shorthand", "init_all_shorthand",
                 why="not valid for INIT (APM 2, table 16-4; SDM 3, 11.6.1): not delivered") + guarded("after_shorthands"))
    if p.model:
        rows = rows[:1] + [dataclasses.replace(r, accept=r.accept + ("reset",)) for r in rows[1:]]
    return rows


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
FX_PCI = (other("moved", ("refused", "#GP"), *[f"pci_{n}_{w}" for n in words("smram pmba pmregmisc") for w in WAYS[:2]],
                why="SMRAM and the sleep registers stay as firmware left them") + guarded("after_pci"))
Q35_PCI = fixed(
    other("moved", ("refused", "#GP"), *[f"pci_{n}_{w}" for n in words("epbar mchbar pciexbar dmibar rcba pmbase") for w in WAYS],
          why="chipset ranges over the hypervisor's memory, or sleep registers elsewhere: they stay where firmware put them"),
    other("moved", ("refused", "#GP"), *[f"pci_smramc_{w}" for w in WAYS],
          why="SMRAM is firmware's; its handler runs in the host, so it must not be opened, locked by firmware or not"),
    other("moved", ("moved", "refused", "#GP"), *[f"pci_display_{b}_{w}" for b in ("bar0", "bar2") for w in WAYS],
          why="a device's memory over RAM: RAM wins (BKDG, PPR: DRAM ranges end at TOP_MEM); the block stays hidden"),
    guarded("after_pci"),
)


def protected_rows(p):
    return (same("#UD", *words("prot_vmrun prot_vmmcall prot_vmsave prot_stgi prot_clgi prot_skinit prot_invlpga prot_rsm "
                               "prot_vmcall prot_vmlaunch prot_vmread prot_vmxoff"))
            + same("#GP", "prot_efer_svme")
            + other("#GP", ("#GP", "ok") if p.intel else "#GP", "prot_hsave", "prot_vm_cr", why="AMD's; Bochs ignores the second")
            + other("#GP", "#GP" if p.intel else ("#GP", "ok"), "prot_vmx_basic", why="Intel's; QEMU ignores it")
            + same("ok", "prot_ltr")
            + other("content", "#GP" if p.intel else "content", "prot_task",
                    why="the task switch works; VMX exits there, and openvbs does not carry it out (docs/caveats.md)")
            + guarded("after_prot"))


# ---- VTL1 and the way to it ----

VTL1 = "VTL1 has no counterpart in hardware: what include/openvbs/tlfs.h and vtl_abi.h say"


def vtl1(accept, *names, why=VTL1):
    return other("-", accept, *names, why=why)


def alive(*names):
    return vtl1("alive", *names, why="afterwards VTL1 answers")


HYPERCALLS = (
    vtl1("denied", *words("hc_modify_read_only hc_modify_all hc_modify_for_vtl1 hc_set_vtl1_rip hc_set_vtl1_cr3 hc_set_vtl1_assist "
                          "hc_set_vtl1_vina hc_set_vtl1_event hc_set_vtl0_rip hc_set_own_rip hc_set_own_assist hc_set_own_event "
                          "hc_get_vtl1_rip hc_get_vtl1_rsp hc_get_vtl1_cr3 hc_get_vtl1_assist hc_enable_vp hc_enable_vp_other "
                          "hc_log"), why="VTL1's alone")
    + vtl1("already", "hc_enable_partition", why="the hypervisor enabled VTL1 before VTL0 ran")
    + vtl1("bad_parameter", *words("hc_get_vtl2 hc_get_vtl_flag hc_get_reserved hc_get_unknown hc_enable_partition_2 "
                                   "hc_enable_partition_flags"))
    + vtl1("bad_partition", "hc_get_partition")
    + vtl1("bad_vp", "hc_get_vp_far")
    + vtl1(("not_here", "bad_vp"), "hc_get_vp_other", why="another CPU's registers; on one CPU there is none")
    + vtl1("bad_code", *words("hc_code_0 hc_code_unknown hc_code_all_ones hc_vtl_call_fast hc_vtl_return_fast"))
    + vtl1("#UD", "hc_vtl_return", why="VTL0 is the lowest")
    + vtl1("bad_input", *words("hc_fast hc_no_reps hc_start_at_end hc_start_far hc_reps_of_no_rep hc_start_of_no_rep hc_varhead "
                               "hc_reserved_27 hc_reserved_44 hc_reserved_63"))
    + vtl1("bad_alignment", "hc_reps_too_many", "hc_reps_two_pages", why="input and output lie in one page each")
    + alive("hypercalls_alive")
)
DEVICES = words("apic ioapic rom")
PLACES = words("block vtl1 vtl1_last log code beyond limit top")
WRITTEN = "the hypervisor writes for VTL0 to VTL0's RAM alone"
HYPERCALL_PLACES = (
    vtl1("bad_alignment", *words("hc_in_unaligned hc_in_odd hc_in_crossing hc_out_unaligned hc_out_odd hc_out_crossing"))
    + vtl1("ok", "hc_good")
    + vtl1(("bad_partition", "bad_parameter"), *[f"hc_in_{n}" for n in words("block vtl1 vtl1_last log code")],
           why="the block is zeros for VTL0, also by the hypervisor's hand: partition 0")
    + vtl1("bad_parameter", *[f"hc_in_{n}" for n in words("beyond limit top")])
    + vtl1("bad_parameter", *[f"hc_out_{n}" for n in PLACES], why=WRITTEN)
    + alive("places_alive")
)
HYPERCALL_DEVICES = (
    vtl1(("bad_partition", "bad_parameter"), *[f"hc_in_{n}" for n in DEVICES], why="what VTL0 may read itself, or refused")
    + vtl1("bad_parameter", *[f"hc_out_{n}" for n in DEVICES], why=WRITTEN)
    + alive("devices_alive")
)
HYPERCALL_PAGE = (
    hidden("#GP", "hc_page_write", why="the hypervisor's own page")
    + hidden("#UD", "hc_page_vtl_return", why="VTL0 is the lowest")
    + same("#GP", *words("hv_page_off hv_page_move hv_page_move_lock hv_vp_index_set hv_assist_off hv_assist_set hv_assist_get"),
           why="the page is put and locked by the hypervisor; VTL0 has no VP assist page")
    + alive("page_alive")
)
REGISTER = (
    vtl1("bad_parameters", *[f"reg_{n}" for n in words("unaligned bit52 bit62 bit63 zero_bit0") + PLACES + DEVICES],
         why="a message page is a page of VTL0's RAM")
    + vtl1("zeros", "reg_other_untouched", "page_given_back", why="VTL1 writes to no page that is not registered")
    + vtl1("not_supported", *[f"vtl_op_{n}" for n in range(4)])
    + vtl1("ok", "unregister") + vtl1("bad_state", "unregister_again", "message_without_page") + alive("register_alive")
)
MESSAGES = (
    vtl1("bad_format", *words("abi_0 abi_2 abi_max reserved_0 reserved_1 reserved_2 type_4 type_8 type_9 type_15 type_upper type_top "
                              "close_with_types protect_without_types"))
    + vtl1("not_supported", *words("op_0 op_13 op_huge op_max command_unknown"))
    + vtl1("bad_parameters", *words("offset_0 offset_127 offset_4097 offset_4096 offset_max offset_2_to_32 size_past size_wraps "
                                    "size_wraps_to_start size_2_to_32 out_offset_0 out_size_past out_wraps overlap_same "
                                    "overlap_by_one overlap_around"))
    + vtl1("not_found", *words("session_0 session_max session_slot_0 session_trustlet_255 session_future open_unknown_uuid "
                               "resume_session_0 close_twice invoke_closed"))
    + vtl1("bad_state", "resume_nothing")
    + vtl1("ok", "close_once", "list_from_max")
    + alive("messages_alive")
)
PROTECT = (
    vtl1("bad_parameters", *[f"protect_{n}" for n in words("block vtl1 into_block code apic rom beyond top unaligned nothing 513 "
                                                           "2_to_52 2_to_63 max bit52")], why="not VTL0's RAM, or too much")
    + vtl1("conflict", "protect_messages", "protected_register", why="no page is both: VTL1 would write there for VTL0")
    + vtl1("ok", "protect_own", "protected_again")
    + vtl1("#GP", *words("protected_write protected_locked protected_string protected_fxsave protected_sgdt"))
    + vtl1("bad_parameter", "protected_hypercall", why="nor by the hypervisor's hand")
    + vtl1("kept", "protected_content")
)


def protect_rows(p):
    return PROTECT + vtl1(("#GP", "written") if p.model else "#GP", "protected_walk",
                          why="a walk that would set an accessed bit there; Bochs sets it unchecked (docs/caveats.md)"
                          ) + alive("protect_alive")


TL_CRASHES = words("tl_read_kernel tl_read_kernel_2m tl_read_window tl_read_stack tl_read_assist tl_read_code_page "
                   "tl_read_message_page tl_read_last tl_read_private tl_read_first tl_read_low tl_read_image_base "
                   "tl_read_stack_base tl_read_top tl_read_non_canonical tl_null tl_stack tl_canary tl_write_text tl_exit "
                   "tl_exec_heap tl_exec_stack tl_exec_static tl_exec_constant tl_exec_request tl_cli tl_hlt tl_read_cr3 "
                   "tl_write_cr3 tl_rdmsr tl_out tl_vmcall tl_vmmcall tl_int80 tl_ud2 tl_int3 tl_divide tl_non_canonical")
TRUSTLET = (
    vtl1("crash", *TL_CRASHES, why="the trustlet ends, and nothing else does")
    + vtl1(("crash", "ok"), "tl_sgdt", why="ok where the CPU has no UMIP")
    + vtl1("errno13", *words("tl_map_rwx tl_map_rx tl_protect_rwx tl_protect_rx tl_protect_text tl_protect_constant"),
           why="EACCES: code comes from the image alone, and is never written")
    + vtl1("errno12", "tl_protect_foreign", why="ENOMEM: nothing is there")
    + vtl1("errno22", *words("tl_map_fixed_text tl_map_kernel tl_unmap_kernel"), why="EINVAL")
    + vtl1("errno38", *[f"tl_sys_{n}" for n in words("read open ioctl socket clone fork execve ptrace iopl init_module own_next "
                                                     "2_to_32 max")], why="ENOSYS")
    + alive("trustlet_alive")
)
REGISTERS = (vtl1("ok", "registers_call")
             + vtl1("kept", *words("registers_general registers_vector registers_page"),
                    why="nothing of VTL1's is left where VTL0 can see it, nothing of VTL0's is lost")
             + alive("registers_alive"))

LOCKDOWN = (
    vtl1("ok", *words("lockdown_before lockdown_freeze lockdown lockdown_exec_text lockdown_protect"))
    + vtl1("#GP", *[f"lockdown_exec_{n}" for n in words("page vmalloc stack low mmio data later protected reset")],
           why="after lockdown the kernel executes what was frozen as code, by whatever mapping, and nothing else")
    + vtl1("#GP", *[f"lockdown_write_{n}" for n in words("text module data")], why="and writes none of it")
    + vtl1("#GP", *words("lockdown_cr0_wp lockdown_cr4_smep lockdown_efer_nxe lockdown_msrs"),
           why="registers that protect the kernel or lead into it are pinned")
    + vtl1("kept", "lockdown_cr0_kept", "lockdown_cr4_kept")
    + vtl1("ok", "lockdown_cr4_pge", "lockdown_msrs_same", why="what changes nothing pinned goes on")
    + vtl1("security", "lockdown_no_smep", why="SMEP off: nothing would keep the kernel from programs' pages")
    + vtl1("bad_state", "lockdown_twice", "lockdown_freeze_later", why="lockdown is once, and nothing becomes code afterwards")
    + alive("lockdown_alive")
)


PATCH = (
    vtl1("ok", "patch_arm", "patch_undo", *[f"patch_copy_{n}" for n in words("arm tail undo")],
         why="what Linux's own patching writes is done, with either of its copies")
    + vtl1("#GP", *[f"patch_{n}" for n in words("arm_twice target finish_other mov stosb down inside beside tail whole long from_0 "
                                                "copy_beside copy_whole copy_long copy_elsewhere copy_last copy_target")],
           why="a patch of frozen text is judged by place, bytes and order: everything else is refused")
    + vtl1("kept", "patch_content")
)


LOCKDOWN_AP = (vtl1("ok", "lockdown_ap_freeze", "lockdown_ap")
               + vtl1("silent", "lockdown_real_mode", why="with paging off, too, the kernel executes what was frozen and nothing else")
               + alive("lockdown_ap_alive"))


def lockdown_user_rows(p):
    if p.intel:
        return vtl1("#GP", "lockdown_exec_user", why="mode-based execute control: a program's page is no code of the kernel's")
    return vtl1("ok", "lockdown_exec_user", why="open without GMET (docs/threat-model.md): a page that a program runs, mapped by the kernel for itself")


VTL1_ATTACKS = [
    Attack("vtl1_memory", fixed(hidden("denied", "vtl1_read_write", why="VTL1's memory is a part of the block"),
                                hidden("#GP", "vtl1_exec"), hidden(("denied", "unmapped"), "vtl1_ioremap"),
                                alive("vtl1_memory_alive"))),
    Attack("hypercalls", fixed(HYPERCALLS)),
    Attack("hypercall_places", fixed(HYPERCALL_PLACES)),
    # Bochs ends at a read of its APIC that is no aligned word.
    Attack("hypercall_devices", fixed(HYPERCALL_DEVICES), where=lambda p: not p.model),
    Attack("hypercall_page", fixed(HYPERCALL_PAGE)),
    Attack("vtl1_register", fixed(REGISTER)),
    Attack("vtl1_messages", fixed(MESSAGES)),
    Attack("vtl1_race", fixed(vtl1("documented", "message_race", why="a page that changes while it is read"), alive("race_alive"))),
    Attack("vtl1_busy", fixed(vtl1("busy", "busy_invoke", "busy_close", why="the trustlet serves another CPU's call"),
                              vtl1("ok", "busy_version"),
                              vtl1(("bad_state", "ok"), "busy_resume", "busy_call",
                                   why="whoever resumes the call first between two of its parts ends it"),
                              alive("busy_alive"))),
    Attack("vtl1_recursion", fixed(vtl1("busy", "recursion", why="a call into a trustlet whose call waits"),
                                   vtl1(("bad_state", "not_found"), "resume_other_session"), vtl1("ok", "recursion_outer"),
                                   alive("recursion_alive"))),
    Attack("vtl1_reset", lambda p: vtl1("ok", "reset") + vtl1("dead", "reset_session") + alive("reset_idle_alive", "reset_alive")
           + (vtl1(("dead", "ok", "bad_state", "busy"), "reset_running", why="a call on another CPU ends, or is done") if p.cpus > 1 else [])),
    Attack("vtl1_protect", protect_rows),
    Attack("vtl1_trustlet", fixed(TRUSTLET), seconds=240),
    Attack("vtl1_endless", fixed(vtl1("crash", "tl_endless", why="its budget ends"), alive("endless_alive")), seconds=240),
    Attack("vtl1_registers", fixed(REGISTERS)),
    Attack("vtl1_fuzz", fixed(vtl1("documented", "vtl1_fuzz", why="no input has an answer that is not documented, or writes elsewhere"),
                              alive("fuzz_alive")), seconds=60),
]


HELD = "a trap that is held goes or stays"
S3 = "hardware sleeps and wakes without the hypervisor: refused, the machine stays awake"
RESET = "as on hardware: the machine is reset"

ATTACKS = [
    Attack("insns", lambda p: called(p, same("#UD", *SVM, *VMX, *ABSENT))),
    Attack("invd", fixed(same("kept", "invd", why="turned into WBINVD"))),
    Attack("svme", fixed(same("#GP", "svme_set", "svme_hsave"),
                         same("#UD", *words("svme_vmsave svme_vmload svme_vmrun svme_stgi svme_clgi svme_stgi_again")))),
    Attack("vmxe", lambda p: same("#GP", "vmxe_set", "smxe_set", why="CR4.VMXE and CR4.SMXE are reserved bits without VMX and SMX")
           + called(p, same("#UD", *[f"vmxe_{n}" for n in VMX if n not in ("vmfunc", "vmresume")]))
           + same("#UD", "smxe_getsec"), where=lambda p: p.intel),  # elsewhere: cr4_vmxe, in boots of its own
    Attack("vmmcall_random", lambda p: called(p, same("#UD", "vmmcall_random"), "answered")),
    Attack("user", fixed(other("SIGILL", ("SIGILL", "SIGSEGV"), *words("user_vmrun user_vmmcall user_vmload user_vmsave "
                                                                       "user_stgi user_clgi user_skinit user_invlpga "
                                                                       "user_vmcall user_rsm user_vmxon user_vmread user_vmlaunch "
                                                                       "user_vmptrld user_invept user_getsec user_vmmcall_vtl_call "
                                                                       "user_vmcall_vtl_call user_compat_vmmcall user_compat_vmcall"),
                               why="AMD CPUs check the privilege first: #GP, docs/caveats.md"),
                         other("SIGILL", ("SIGILL", "SIGSEGV", "SIGTRAP"), "user_step_held", why="the trap may come first"),
                         hidden(("ok", "locked"), "devmem_read", why="reads zeros (or the kernel is locked down)"),
                         hidden(("SIGSEGV", "locked"), "devmem_write", "devmem_fetch"),
                         hidden(("refused", "killed", "locked"), "devmem_write_call",
                                why="the kernel's own store gets the #GP: it ends the process")), final=True),
    Attack("regs", REGS),
    Attack("cpuid_mirrors", fixed(same("follows", "cpuid_osxsave"), other("follows", ("follows", "absent"), "cpuid_ospke",
                                                                           why="absent without protection keys"))),
    Attack("steps", fixed(same("#DB", *words("step_nop step_cpuid step_cpuid_hv step_rdmsr_efer step_wrmsr_efer step_wbinvd"),
                               why="the single-step trap comes right behind an emulated instruction"))),
    Attack("steps_held", lambda p: called(p, other("#UD", ("#UD", "#DB"), "held_vmcall", "held_vmmcall", why=HELD), ("ok", "#DB"))
           + other("#GP", ("#GP", "#DB"), "held_rdmsr", "held_wrmsr", why=HELD) + guarded("after_held")),
    Attack("msrs", msr_rows),
    Attack("mtrr", fixed(other("ok", ("ok", "#GP"), "mtrr_over_block", why="only makes memory slow; no other effect is allowed"))),
    Attack("msr_sweep", fixed(same("done", "msr_sweep", why="a value or #GP each, compared with the same machine without openvbs"))),
    Attack("cpuid_hidden", lambda p: same("hidden", *words("cpuid_svm cpuid_skinit cpuid_vmx cpuid_smx cpuid_ds cpuid_pt"))
           + other("hidden", ("hidden", "shown") if p.intel else "hidden", "cpuid_svm_leaf",
                   why="Intel: a leaf that is not there gives the highest basic leaf's data")
           + other("hidden", ("hidden", "shown"), "cpuid_pt_leaf", why="the same; QEMU fills the leaf on AMD models too")),
    Attack("cpuid_sweep", fixed(same("done", "cpuid_sweep", why="compared with the same machine without openvbs"))),
    Attack("block", fixed(hidden("known", "block_size"), hidden("zeros", "block_read"), hidden("#GP", "block_write"))),
    Attack("fetch", fixed(hidden("#GP", "fetch_hidden", "fetch_log", "fetch_counters"))),
    Attack("mappings", fixed(hidden("denied", *MAPPINGS))),
    Attack("linux_maps", fixed(hidden(("denied", "unmapped"), *words("ioremap ioremap_cache ioremap_wc memremap_wt direct_map")))),
    Attack("readonly", fixed(same("#PF", "map_4k_readonly", why="the guest's own tables come first"))),
    Attack("reads", fixed(hidden("zeros", *[f"read_{n}" for n in READS if n != "clwb"]),
                          hidden(("zeros", "#UD"), "read_clwb", why="#UD where the CPU has no CLWB (the first Ryzen)"))),
    Attack("writes", fixed(hidden("#GP", *[f"write_{n}" for n in WRITES]))),
    Attack("straddle", fixed(hidden("#GP", *[f"{s}_write_{n}" for n in BORDER_WRITES for s in ("into", "outof")]),
                             hidden("zeros", *[f"{s}_read_{n}" for n in BORDER_READS for s in ("into", "outof")]))),
    Attack("run_into", fixed(hidden("#GP", "fetch_run_into", "fetch_half_instruction"))),
    Attack("tables", table_rows),
    Attack("descriptors", fixed(hidden("zeros", "gdt_hidden"), hidden(("zeros", "found"), "gdt_log", why="the log may be read"),
                                hidden("#GP", "sgdt_hidden", "sgdt_log"))),
    *VTL1_ATTACKS,
    Attack("nmi", nmi_rows),
    Attack("odd_ipis", fixed(same("ok", *words("icr_vector0 icr_vector15 icr_mode3 icr_extint icr_lowest_vector0 "
                                               "icr_sipi_running icr_init_deassert icr_init_deassert_all icr_absent_cpu")),
                             guarded("after_odd_ipis"))),
    Attack("x2_reserved", x2_rows),
    Attack("smi", smi_rows, where=lambda p: p.smm),
    # VMX needs no ICR trap: nothing is emulated there (and Bochs ends at stores to the APIC that are not 4 bytes).
    Attack("icr_forms", icr_rows, where=lambda p: not p.intel, seconds=180),
    Attack("init", init_rows, seconds=180),
    Attack("init_shorthands", shorthand_rows, seconds=60),
    Attack("smi_own", fixed(same("ok", "smi_own_cpu", "smi_own_cpu_all_but_self"),
                            other("stopped", "guarded", "smi_then_init", "smi_all_then_init", why="both are carried out"),
                            guarded("after_smi_own")), where=lambda p: p.smm),
    Attack("physical", fixed(hidden("zeros", *words("phys_read phys_read_again phys_read_after_task")),
                             hidden("#GP", *words("phys_write phys_fetch phys_movs_in phys_log_write phys_task_save_hidden")),
                             hidden("ok", "phys_ltr_hidden", why="loads the register only"), guarded("after_phys"))),
    Attack("protected_mode", protected_rows),
    Attack("self_init", fixed(other("stopped", "guarded", "init_self_by_id", why="the CPU waits for a SIPI and is still guarded"),
                              guarded("after_self_init"))),
    *[Attack(n, fixed(other("sleeps", ("ignored", "#GP"), n, why=S3)), seconds=30)
      for n in words("s3_outw s3_outb s3_outl s3_outl_below s3_outw_across s3_outsw s3_outsb")],
    Attack("s3_moved_pm_block", fixed(other("sleeps", ("refused", "ignored", "#GP", "none"), "s3_moved_pm_block", why=S3))),
    Attack("pci", lambda p: FX_PCI if p.model else Q35_PCI(p)),
    Attack("a20", fixed(other("open or closed", "open", *words("a20_port92 a20_port92_wide a20_output_port "
                                                               "a20_output_port_late a20_command a20_pulse"),
                              why="where the gate still exists, it would mask the hypervisor's addresses too: it stays open"),
                        guarded("after_a20"))),
    Attack("icr_busy", fixed(other("stopped", ("delivered", "xapic"), "icr_busy_then_init",
                                   why="bit 12 is read-only: nobody may wait for it for ever"),
                             guarded("after_icr_busy")),
           where=lambda p: not p.x2apic, seconds=40),
    *[Attack(row.name, fixed([row]), where=lambda p: p.cpus == 2, seconds=20) for row in RESERVED],
    Attack("lockdown", fixed(LOCKDOWN)),  # the last in its boot: the kernel can't patch its text any more
    Attack("lockdown_user", lockdown_user_rows),
    Attack("patch", fixed(PATCH), final=True),
    Attack("lockdown_ap", fixed(LOCKDOWN_AP), where=lambda p: p.cpus > 1, final=True),
    Attack("apic_mode", fixed(other("ok", ("ok", "#GP"), "apic_mode_to_x2", why="#GP where the CPU has no x2APIC"),
                              other("#GP", ("#GP", "ok"), "apic_mode_back", why="without x2APIC there was no way there"),
                              other("stopped", "guarded", "apic_mode_self_init", why="INIT in the new mode"),
                              guarded("apic_mode_after")), final=True),
    *[Attack(n, fixed(same("reset", n, why=RESET)), where=lambda p: p.cpus == 2, final=True,
             seconds=30)
      for n in words("final_idt_hidden final_cr3_hidden final_gdt_hidden final_triple_fault final_init_boot_cpu "
                     "final_init_broadcast final_port92 final_keyboard")],
]

EFI_ROWS = (hidden("openvbs", "efi_signature", why="the program runs under openvbs")
            + same("hidden", "efi_cpuid_svm", "efi_cpuid_vmx", "efi_efer_read")
            + same("#UD", *[f"efi_{n}" for n in SVM], *words("efi_rsm efi_svme_vmrun efi_vmcall efi_vmxon efi_vmlaunch "
                                                             "efi_vmread efi_vmxoff efi_vmxe_vmxon"))
            + same("#GP", "efi_efer_svme")
            + same("matches", *[f"efi_insn_{n}" for n in words("rdtscp rdpid invpcid tpause pconfig xsaves enqcmds movdir64b "
                                                               "serialize rdrand rdseed rdmsrlist")],
                   why="an instruction works exactly if CPUID shows it")
            + other("changed", "#GP", "efi_apic_base", why="the base stays")
            + hidden("zeros", "efi_block_read") + hidden("#GP", "efi_block_write", "efi_block_fetch")
            + hidden("agrees", "efi_block_size", why="the status table tells the true size"))



def efi_rows(p):
    own, foreign = same("#GP", "efi_vmx_basic", "efi_vmxe"), same("#GP", "efi_vm_cr", "efi_hsave")
    if not p.intel:
        own, foreign = foreign, own[:1]
        own = (own + other("#GP", "norun", "efi_vmxe", why="QEMU does not check CR4 in a guest: cr4_vmxe has it")
               + other("ok", ("ok", "#GP"), "efi_xss_cet_u", "efi_xss_cet_s", why="CET state, where the CPU has it"))
        foreign = foreign + same("#GP", *words("efi_xss_pt efi_xss_lbr efi_misc_limit_cpuid efi_misc_xd_disable"))
    else:
        own = (own + other("ok", "#GP", *words("efi_xss_pt efi_xss_cet_u efi_xss_cet_s efi_xss_lbr"),
                           why="XRSTORS would load hidden registers; processor trace writes to physical memory")
               + other("ok", "#GP", "efi_misc_limit_cpuid", "efi_misc_xd_disable", why="the hypervisor needs CPUID and NX"))
    return called(p, EFI_ROWS) + own + [dataclasses.replace(r, accept=("#GP", "ok"), why=FOREIGN) for r in foreign]


OUTSIDE_ROWS = hidden("content", "outside_not_empty",
                      why="seen from the emulator, the block is full: the zeros that VTL0 reads are not simply empty memory"
                      ) + hidden("intact", "outside_text", why="the hypervisor's code in memory is the file's, after all attacks")

# CPUID leaves that may differ from the same machine without openvbs: leaf -> {register: bits that may differ}.
INTEL_CPUID_DIFFERS = {
    0x00000001: ({"c": 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6, "d": 1 << 21}, "VMX, SMX and the debug store are hidden"),
    0x00000006: ({"a": 1 << 19 | 1 << 23}, "hardware feedback is hidden"),
    0x00000007: ({"a": 1 << 17 | 1 << 27, "b": 1 << 25, "c": 1 << 5 | 1 << 7, "d": 1 << 15 | 1 << 18 | 1 << 19 | 1 << 20},
                 "processor trace, CET, FRED, last-branch records and new forms of RDMSR and WRMSR are hidden"),
    0x0000000D: ({"c": 1 << 8 | 3 << 11 | 1 << 15}, "the same as state of XSAVES"),
}
AMD_CPUID_DIFFERS = {
    0x80000001: ({"c": 1 << 2 | 1 << 10 | 1 << 12}, "SVM, instruction-based sampling and SKINIT are hidden"),
    0x80000008: ({"b": 1 << 3 | 1 << 31}, "INVLPGB and branch sampling are hidden"),
    0x8000000A: ("all", "SVM features: zeros"),
    0x8000001B: ("all", "instruction-based sampling: zeros"),
    0x80000022: ({"a": 1 << 1}, "branch records are hidden"),
    0x8000001F: ("all", "memory encryption: zeros"),
    0x80000023: ("all", "memory encryption: zeros"),
}
CPUID_OWN = (0x40000000, 0x4FFFFFFF)  # openvbs's own leaves: docs/abi.md



def cpuid_differs(p):
    return INTEL_CPUID_DIFFERS if p.intel else AMD_CPUID_DIFFERS


# MSRs whose class (value or #GP) may differ, and why.
INTEL_MSR_HIDDEN_RANGES = ((0x9B, 0x9B, "SMM monitor"), (0x3F1, 0x3F2, "PEBS"), (0x3F4, 0x3F5, "PEBS"), (0x480, 0x493, "VMX"),
                           (0x560, 0x561, "processor trace"), (0x570, 0x58F, "processor trace"), (0x600, 0x600, "debug store"),
                           (0x14CE, 0x14CF, "last-branch records"), (0x1200, 0x121F, "last-branch records"),
                           (0x1500, 0x151F, "last-branch records"), (0x1600, 0x161F, "last-branch records"),
                           (0xED, 0xF0, "remote action requests"), *((n, n, "PEBS") for n in range(0x1903, 0x1A00, 4)),
                           (0x17D0, 0x17D4, "hardware feedback"))
INTEL_MSR_VALUES = {0xCF: "IA32_CORE_CAPABILITIES: no remote action requests", 0x3A: "IA32_FEATURE_CONTROL: VMX is off", 0x1A0: "IA32_MISC_ENABLE: no BTS, no PEBS"}
AMD_MSR_HIDDEN = {
    0xC0000104: "TSC ratio: SVM's", 0xC0010114: "VM_CR", 0xC0010116: "SMM_CTL", 0xC0010117: "VM_HSAVE_PA",
    0xC0010118: "SVM_KEY", 0xC0010119: "local SMI status", 0xC001011B: "AVIC doorbell",
    0xC0010130: "SEV GHCB", 0xC0010131: "SEV status", 0xC000010E: "LBR_SELECT", 0xC000010F: "DBG_EXTN_CFG",
    **{n: "branch records" for n in range(0xC0010300, 0xC0010320)},
    **{n: "instruction-based sampling" for n in range(0xC0011030, 0xC001103E)},
}


def msr_hidden(p):
    """Registers that must be hidden (AMD's), ranges that may be, registers whose value may differ."""
    if p.intel:
        return {}, INTEL_MSR_HIDDEN_RANGES + MSR_HIDDEN_RANGES, INTEL_MSR_VALUES
    return AMD_MSR_HIDDEN, MSR_HIDDEN_RANGES, {}


MSR_OWN = range(0x40000000, 0x40000003)  # GUEST_OS_ID, HYPERCALL, VP_INDEX: docs/abi.md; the hypercall rows look at them
MSR_HIDDEN_RANGES = ((0x40000000, 0x4FFFFFFF, "registers of software below: not passed on"),
                     (0x11, 0x12, "KVM's old clock registers: not passed on"))
# Values that differ from boot to boot, or by the run of time.
MSR_VOLATILE_RANGES = ((0x10, 0x10), (0x34, 0x34), (0x174, 0x176), (0xE7, 0xE8), (0x6E0, 0x6E0), (0x800, 0x8FF),
                       (0xC0000081, 0xC0000084), (0xC0000100, 0xC0000103), (0x198, 0x198), (0x1B, 0x1B))

# Without openvbs, on the same emulator: row -> outcome. None of it passes for right.
ANY_CONTROL = {
    "block": {"block_size": "none", "block_read": "none", "block_write": "none"},
    "fetch": {"fetch_hidden": "none", "fetch_log": "none", "fetch_counters": "none"},
    "writes": {f"write_{n}": "accepted" for n in WRITES if n not in ("cmpxchg_other", "sldt")},
    "init": {"init_physical": "bare", "init_three_times": "bare", "after_init": "bare"},
    "self_init": {"init_self_by_id": "bare", "after_self_init": "bare"},
    # No VTL1: nothing can be tried, and the row says so.
    "vtl1_memory": {"vtl1_read_write": "none"},
    "hypercalls": {"hc_modify_read_only": "none"},
    "hypercall_places": {"hc_good": "none"},
    "hypercall_devices": {"hc_in_apic": "none"},
    "hypercall_page": {"hc_page_write": "none"},
    "vtl1_register": {"reg_unaligned": "none"},
    "vtl1_messages": {"abi_0": "none"},
    "vtl1_race": {"message_race": "none"},
    "vtl1_busy": {"busy_invoke": "none"},
    "vtl1_recursion": {"recursion": "none"},
    "vtl1_reset": {"reset": "none"},
    "vtl1_protect": {"protect_own": "none"},
    "lockdown": {"lockdown": "none"},
    "lockdown_ap": {"lockdown_ap": "none"},
    "lockdown_user": {"lockdown_exec_user": "none"},
    "patch": {"patch_arm_twice": "ok", "patch_mov": "ok", "patch_whole": "ok", "patch_copy_elsewhere": "ok",
              "patch_copy_beside": "ok", "patch_content": "written"},
    "vtl1_trustlet": {"tl_read_kernel": "none"},
    "vtl1_endless": {"tl_endless": "none"},
    "vtl1_registers": {"registers_general": "none"},
    "vtl1_fuzz": {"vtl1_fuzz": "none"},
}
INSB = {"write_insb": ("accepted", "ok")}  # the port gives what is there already
AMD_CONTROL = {
    "svme": {"svme_set": "ok", "svme_hsave": "ok", "svme_vmsave": "ok", "svme_vmload": "ok", "svme_vmrun": "ok",
             "svme_stgi": "ok", "svme_clgi": "ok", "svme_stgi_again": "ok"},
    "msrs": {"hsave_read": ("zero", "ok"),  # what "svme" wrote, if it ran on the same CPU
             "hsave_hidden": "changed", "vm_cr_read": "zero", "apic_base_hidden": "changed",
             "kvm_system_time": "unchanged", "hv_hypercall_page": "unchanged", "iorr_base0": "unchanged"},
    "regs": {"efer_svme": "ok"},
    "cpuid_hidden": {"cpuid_svm": "shown", "cpuid_svm_leaf": "shown"},
    "protected_mode": {"prot_efer_svme": "ok", "prot_hsave": "ok", "prot_vm_cr": "ok", "after_prot": "bare"},
    "insns": {"vmmcall": "#UD"},
    "s3_outw": {"s3_outw": "slept"},
}
BOCHS_AMD_CONTROL = {
    "writes": {**ANY_CONTROL["writes"], **INSB},
    "s3_outw": {"s3_outw": "hang"},  # put to sleep, this machine never comes back
}
INTEL_CONTROL = {
    "vmxe": {"vmxe_set": "ok", **{f"vmxe_{n}": "ok" for n in VMX if n not in ("vmfunc", "vmresume", "vmcall")}},
    "msrs": {"vmx_basic": "ok", "vmx_ept_vpid": "ok", "apic_base_hidden": "changed", "ds_area_hidden": ("changed", "unchanged"),
             "pebs_base_hidden": ("changed", "unchanged")},
    "cpuid_hidden": {"cpuid_vmx": "shown"},
    "writes": {**ANY_CONTROL["writes"], **INSB},
    "insns": {"vmcall": "#UD"},
    "protected_mode": {"prot_vmx_basic": "ok", "prot_task": "content", "after_prot": "bare"},
}


def control(p):
    own = INTEL_CONTROL if p.intel else {**AMD_CONTROL, **(BOCHS_AMD_CONTROL if p.model else {})}
    return {**ANY_CONTROL, **own}


AMD_CONTROL_EFI = {"efi_signature": "other", "efi_cpuid_svm": "shown", "efi_efer_svme": "ok", "efi_svme_vmrun": "ok",
               "efi_hsave": "ok", "efi_block_read": "none"}
INTEL_CONTROL_EFI = {"efi_signature": "other", "efi_cpuid_vmx": "shown", "efi_vmx_basic": "ok", "efi_vmxe": "ok",
                     "efi_vmxe_vmxon": "ok", "efi_block_read": "none"}


def control_efi(p):
    return INTEL_CONTROL_EFI if p.intel else AMD_CONTROL_EFI
