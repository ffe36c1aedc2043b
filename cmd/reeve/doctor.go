// SPDX-License-Identifier: Apache-2.0

// This file says what this kernel allows, by trying, and what stands in the way of more.

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

// finding is one row of doctor's answer.
type finding struct {
	Name   string `json:"name"`
	State  string `json:"state"` // ok, missing, note
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// report is what doctor found.
type report struct {
	Coverage string
	Findings []finding
}

// doctor says what this kernel allows. It needs no daemon.
func doctor(ctx context.Context, e *env, args []string) error {
	f := e.flags("doctor")
	asJSON := f.Bool("json", false, "one object a line")
	group := f.String("cgroup", "", "try networks below this `PATH` of cgroup2 alone, as reeved with the same flag does")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("doctor", rest, 0, 0, "no argument"); err != nil {
		return err
	}
	if err := site.CheckCgroup(*group); err != nil {
		return err
	}
	return answerReport(e, examine(ctx, e, "/", *group), *asJSON)
}

// answerReport tells what was found, and is exit status 1 where not everything can be held.
func answerReport(e *env, r report, asJSON bool) error {
	if err := tellReport(e, r, asJSON); err != nil {
		return err
	}
	if r.Coverage != string(sensor.Full) {
		return &exit{code: exitNo}
	}
	return nil
}

func tellReport(e *env, r report, asJSON bool) error {
	if !asJSON {
		printReport(e, r)
		return nil
	}
	for _, row := range r.Findings {
		if err := writeJSON(e.stdout, row); err != nil {
			return err
		}
	}
	return nil
}

func printReport(e *env, r report) {
	for _, row := range r.Findings {
		mark := e.paint.green("✓")
		switch row.State {
		case "missing":
			mark = e.paint.red("✗")
		case "note":
			mark = e.paint.amber("·")
		}
		fmt.Fprintf(e.stdout, "%s %s %s\n", mark, pad(row.Name, 18), safe(row.Detail))
		if row.Hint != "" {
			fmt.Fprintf(e.stdout, "  %s %s\n", pad("", 18), e.paint.dim("→ "+safe(row.Hint)))
		}
	}
	coverage := e.paint.green(r.Coverage)
	switch r.Coverage {
	case string(sensor.Full):
	case string(sensor.Network):
		coverage = e.paint.amber(r.Coverage)
	default:
		coverage = e.paint.red(r.Coverage)
	}
	fmt.Fprintf(e.stdout, "\ncoverage: %s\n", coverage)
}

// examine looks at a machine whose files are under root. What was tried decides; the rest says why, and what to do.
func examine(ctx context.Context, e *env, root, group string) report {
	coverage, tried := effect(ctx, group)
	r := report{Coverage: coverage, Findings: tried}
	for _, check := range []func(string) finding{kernelRelease, typeInformation, symbols, securityModules, adminGroup, virtualMachines} {
		r.Findings = append(r.Findings, check(root))
	}
	r.Findings = append(r.Findings, resolverState(e, root), policyState(e))
	r.Findings = append(r.Findings, unheld()...)
	return r
}

// leastKernel is the oldest release that is supported.
var leastKernel = [2]int{6, 1}

func kernelRelease(string) finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return finding{"kernel", "missing", err.Error(), ""}
	}
	release := unix.ByteSliceToString(u.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil || major < leastKernel[0] || major == leastKernel[0] && minor < leastKernel[1] {
		return finding{"kernel", "missing", release, fmt.Sprintf("%d.%d or newer is needed", leastKernel[0], leastKernel[1])}
	}
	return finding{"kernel", "ok", release, ""}
}

func typeInformation(root string) finding {
	if _, err := os.Stat(root + "sys/kernel/btf/vmlinux"); err != nil {
		return finding{"type information", "missing", "no /sys/kernel/btf/vmlinux", "a kernel with CONFIG_DEBUG_INFO_BTF, as distributions ship"}
	}
	return finding{"type information", "ok", "BTF is there", ""}
}

// symbols looks for the lock by which a name is known not to have changed while it was read (bpf/include/path.h).
func symbols(root string) finding {
	f, err := os.Open(root + "proc/kallsyms")
	if err != nil {
		return finding{"symbols", "missing", "no /proc/kallsyms", "a kernel with CONFIG_KALLSYMS_ALL"}
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasSuffix(s.Text(), " rename_lock") {
			return finding{"symbols", "ok", "rename_lock is there", ""}
		}
	}
	return finding{"symbols", "missing", "no rename_lock: a session that is enforced is refused every file", "a kernel with CONFIG_KALLSYMS_ALL, as distributions ship"}
}

func securityModules(root string) finding {
	raw, err := os.ReadFile(root + "sys/kernel/security/lsm")
	if err != nil {
		return finding{"security modules", "missing", "the list cannot be read", "mount -t securityfs securityfs /sys/kernel/security"}
	}
	active := strings.TrimSpace(string(raw))
	if !slices.Contains(strings.Split(active, ","), "bpf") {
		return finding{"security modules", "note", "bpf is not among " + active, "boot with lsm=" + active + ",bpf"}
	}
	return finding{"security modules", "ok", active, ""}
}

// effect attaches the sensor's programs for a moment, with a policy that names nobody, and lets a child of this process
// try each operation.
func effect(ctx context.Context, group string) (string, []finding) {
	if os.Geteuid() != 0 {
		return "unknown", []finding{{"effect", "missing", "not root, so nothing was tried", "sudo reeve doctor"}}
	}
	k, found, err := sensor.Start(ctx, sensor.Options{Cgroup: group}, sensor.Blank)
	if err == nil {
		err = k.Close()
	}
	if err != nil {
		return string(sensor.None), []finding{{"programs", "missing", err.Error(), noPrograms}}
	}
	row := finding{"programs", "ok", "attached as " + found.Form.String() + ", and seen to refuse", ""}
	switch found.Coverage {
	case sensor.Full:
	case sensor.Network:
		row = finding{"programs", "missing", "only what goes over networks can be refused: " + found.Reason.Error(), noPrograms}
	default:
		row = finding{"programs", "missing", "nothing can be refused: " + found.Reason.Error(), noPrograms}
	}
	rows := append([]finding{row}, operations(found)...)
	return string(found.Coverage), append(rows, losses(found.Form, bpf.LosesTasks(), sensor.Preempts())...)
}

const noPrograms = "the kernel, or what contains this machine, forbids enforcing programs: another kernel or a virtual machine helps"

// operations is the table of what was tried, and of what this build holds besides: a program decides it that others vouch for, or
// nobody here has the right to try.
func operations(found sensor.Finding) []finding {
	var rows []finding
	tried := map[enforce.Op]bool{}
	for _, e := range found.Effects {
		tried[enforce.Op(e.Op)] = true
		row := finding{"  " + enforce.Op(e.Op).String(), "ok", string(e.State), ""}
		if e.State != sensor.Held {
			row.State, row.Detail = "missing", string(e.State)+": "+e.Reason
		}
		rows = append(rows, row)
	}
	for _, op := range enforce.Ops() {
		if enforce.Held(op) && !tried[op] {
			rows = append(rows, finding{"  " + op.String(), "note", "not tried", ""})
		}
	}
	return rows
}

// losses are what a form lacks on a kernel that loses tasks (bpf.LosesTasks), preempts itself, both or neither; THREATS.md has the same rows.
func losses(form bpf.Form, losesTasks, preempts bool) []finding {
	listed := "boot with bpf in lsm="
	if losesTasks {
		listed = "a kernel from 6.2 on, with bpf in lsm="
	}
	unread := finding{"command lines", "note", "one that is not in memory is not waited for: the program is killed, and counted (line_unread)", listed}
	switch {
	case form == bpf.FormLSM && losesTasks && preempts:
		return []finding{unread, {"sessions", "missing", "this kernel preempts itself, and at times finds nobody's session then: acts pass that policy " +
			"refuses, and agents are killed as they begin", listed + ", or preempt=voluntary"}}
	case form == bpf.FormLSM && losesTasks:
		return []finding{unread}
	case form == bpf.FormTwice:
		return []finding{unread, {"fallback", "note", "this kernel preempts itself and may leave a check out; a second look behind the act kills " +
			"what policy refuses (checks_late), but not a script by its own name; nor is there one for " + strings.Join(seenOnce(), ", ") +
			", received descriptors, mounts and ioctl", listed + ", or preempt=voluntary"}}
	case form == bpf.FormModify && preempts:
		return []finding{unread, {"fallback", "missing", "this kernel may preempt itself and leave a check out (checks_skipped), and the second " +
			"look behind it does not load", listed + ", or preempt=voluntary"}}
	case form == bpf.FormModify:
		return []finding{unread}
	case form == bpf.FormNetwork:
		return []finding{{"network alone", "note", "besides the operations above, these are open: sockets that are not of the Internet (packets, " +
			"Bluetooth, virtual machines), unix sockets, and whoever outside gives a session a socket of its own", noPrograms}}
	}
	return nil
}

// seenOnce are the operations that a program refuses which a kernel that preempts itself may leave out, and that nothing looks at
// again behind the act. Programs of control groups are not left out.
func seenOnce() (names []string) {
	once, again := map[bpf.Op]bool{}, map[bpf.Op]bool{}
	for _, p := range bpf.Programs {
		of := again
		if p.Role == bpf.RoleEnforce && strings.HasPrefix(p.Hook, "security_") {
			of = once
		}
		for _, op := range p.Ops {
			of[op] = of[op] || p.In(bpf.FormTwice)
		}
	}
	for _, op := range enforce.Ops() {
		if once[bpf.Op(op)] && !again[bpf.Op(op)] {
			names = append(names, op.String())
		}
	}
	return names
}

func adminGroup(string) finding {
	if _, err := user.LookupGroup("reeve"); err != nil {
		return finding{"group reeve", "note", "does not exist: root alone administers", "groupadd --system reeve"}
	}
	return finding{"group reeve", "ok", "its members administer", ""}
}

// virtualMachines says so whether or not there is /dev/kvm: emulators need none.
func virtualMachines(string) finding {
	return finding{"virtual machines", "note", "what happens inside of a guest, Cowork's or another, is opaque: its files are held at virtiofsd, its commands are not seen", ""}
}

// resolverState says whose answers the daemon would believe.
func resolverState(e *env, root string) finding {
	c, err := site.ReadConfig(e.config)
	if err != nil {
		return finding{"resolvers", "note", err.Error(), ""}
	}
	sources := c.Sources()
	sources.Root = root
	list, problems := sources.Read()
	var names []string
	for _, r := range list {
		names = append(names, fmt.Sprintf("%s (%s)", r.Address, r.From))
	}
	row := finding{"resolvers", "ok", strings.Join(names, ", "), ""}
	switch {
	case len(problems) > 0:
		row.State, row.Hint = "note", problems[0].Error()
	case len(list) == 0:
		row.State, row.Detail, row.Hint = "missing", "nobody is named: sessions can look up no name", "list resolvers in reeve.toml"
	}
	return row
}

func policyState(e *env) finding {
	p, _, ps, err := e.load(nil)
	if err != nil {
		return finding{"policy", "note", err.Error(), "reeve policy check"}
	}
	if p == nil {
		return finding{"policy", "note", plural(len(ps.Errors()), "fault") + ", so it cannot be applied", "reeve policy check"}
	}
	return finding{"policy", "ok", fmt.Sprintf("base %s, %d rules", p.Base, len(p.Rules)), ""}
}

// unheld tells which operations policies may name and nothing holds yet.
func unheld() []finding {
	var names []string
	for _, op := range enforce.Ops() {
		if !enforce.Held(op) {
			names = append(names, op.String())
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []finding{{"operations", "note", "not held by this build: " + strings.Join(names, ", "), ""}}
}
