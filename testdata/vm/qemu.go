// SPDX-License-Identifier: Apache-2.0

package vm

// The machine: QEMU's arguments and the kernel command line, each with its reason.

import (
	"fmt"
	"strings"
)

func (r *run) qemuArgs() []string {
	args := []string{
		// A panic reboots at once, and that ends QEMU; nothing is left to probe.
		"-no-reboot", "-nodefaults", "-no-user-config", "-nic", "none", "-vga", "none", "-display", "none",
		// The first port is the console, the second carries the status alone.
		"-serial", "stdio", "-serial", "file:" + r.path("status"),
		"-smp", fmt.Sprint(r.CPUs), "-m", fmt.Sprintf("%dM", r.Memory),
		"-kernel", r.kernel.image, "-initrd", r.path("initrd"), "-append", r.commandLine(),
	}
	args = append(args, r.accelerator()...)
	if r.Mode != Busybox {
		// vhost-user reads the guest's memory from another process, so it must be shared.
		args = append(args,
			"-object", fmt.Sprintf("memory-backend-memfd,id=mem,size=%dM,share=on", r.Memory),
			"-machine", "q35,memory-backend=mem")
		for _, tag := range append([]string{rootTag}, layerTags(r.Layers)...) {
			args = append(args,
				"-chardev", "socket,id="+tag+",path="+r.path(tag+".sock"),
				"-device", "vhost-user-fs-pci,chardev="+tag+",tag="+tag+",queue-size=1024")
		}
	}
	if r.Ext4 != "" {
		args = append(args, drive(r.path("ext4.img"), "ext4")...)
	}
	if r.Out != "" {
		args = append(args, drive(r.path("out.img"), "out")...)
	}
	return args
}

// drive attaches a raw image that the guest finds by its serial, whatever order disks appear in.
func drive(image, serial string) []string {
	return []string{
		"-drive", "file=" + image + ",format=raw,if=none,cache=unsafe,id=" + serial,
		"-device", "virtio-blk-pci,drive=" + serial + ",serial=" + serial,
	}
}

// cheapest leaves out what costs more to emulate than it spares: string instructions that go byte by byte, vectors, and the switch
// before and behind each access to a user's memory. A sixth of all the work.
const cheapest = "max,la57=off,erms=off,fsrm=off,avx=off,avx2=off,smap=off"

// accelerator is emulation unless the caller asks: /dev/kvm may exist and still hang the guest.
func (r *run) accelerator() []string {
	if r.KVM {
		return []string{"-accel", "kvm", "-cpu", "host"}
	}
	if r.ICount {
		// One nanosecond of the guest's clock is then one instruction; idle time is skipped.
		return []string{"-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", "max,la57=off"}
	}
	return []string{"-accel", "tcg,thread=multi", "-cpu", cheapest}
}

func (r *run) commandLine() string {
	// A kernel that has stumbled proves nothing by what it does next: its run ends there, with CodeDied.
	words := []string{"console=ttyS0", "quiet", "panic=-1", "oops=panic", "mitigations=off", "nokaslr", "nmi_watchdog=0", "random.trust_cpu=on"}
	if !r.ICount {
		// Emulated processors that run at the same time go on with an instruction that the other has replaced, once in very many
		// times: after a program was attached, they trap on it forever. Nothing of a kernel's own takes minutes without a pause.
		words = append(words, "softlockup_panic=1", "watchdog_thresh=60")
	}
	if !r.ICount && !r.KVM {
		// The emulated TSC is the host's, which goes on evenly; the kernel would not believe it of a busy host, and take the HPET,
		// twenty times as costly to read: a tenth of all the work. No panic where the first timer interrupts come late.
		words = append(words, "tsc=reliable", "no_timer_check")
		// Each timer that a guest sets wakes a second thread of the emulator, and Go's runtime sets thousands in a second: a fifth of
		// all the work. So timers go by the tick, of which there are 250 in a second.
		words = append(words, "highres=off")
	}
	if !r.ICount {
		// Debian's kernels clear every page that they give out, which is a quarter of all the work when emulated. What is
		// counted is counted as on a user's machine.
		words = append(words, "init_on_alloc=0")
	}
	if r.LSM != "" {
		words = append(words, "lsm="+r.LSM)
	}
	if r.Mode == Systemd {
		words = append(words, "systemd.unit=reeve-job.target", "systemd.show_status=0", "systemd.log_level=warning",
			"systemd.mask=serial-getty@ttyS0.service", "systemd.mask=systemd-hwdb-update.service")
	}
	return strings.Join(append(words, r.Append), " ")
}
