// SPDX-License-Identifier: Apache-2.0

// Attaching: in the order of the table of programs, and back.

package sensor

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/reeve-sensor/reeve/bpf"
)

// Attach attaches every program of the form that is not, membership before what begins sessions. On an error nothing stays
// but what is pinned.
func (k *Kernel) Attach() error {
	for _, p := range bpf.Programs {
		if p.Role == bpf.RoleSeed || k.programs[p.Name] == nil || k.links[p.Name] != nil {
			continue
		}
		l, err := AttachTo(k.programs[p.Name], p.Hook, k.Cgroup)
		if err != nil {
			return errors.Join(fmt.Errorf("attaching %s to %s: %w", p.Name, p.Hook, err), k.detach())
		}
		k.links[p.Name] = l
	}
	return nil
}

// Reattach puts programs that are loaded anew on every hook, on the same maps, beside what sits there, which then goes:
// somebody may have taken it off. kernel: one that is attached cannot be attached a second time.
func (k *Kernel) Reattach(p Pins) error {
	fresh, err := load(Options{TableSize: k.TableSize, Form: k.Form, Cgroup: k.Cgroup}, k.maps())
	if err != nil {
		return err
	}
	if err := fresh.Attach(); err != nil {
		return errors.Join(err, fresh.Close())
	}
	k.sits.Lock()
	defer k.sits.Unlock()
	old := k.links
	k.programs, k.links = fresh.programs, fresh.links
	fresh.programs, fresh.links = nil, nil
	errs := []error{fresh.Close(), k.repin(p)}
	for _, l := range old {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// repin makes what is attached now the set that is pinned. Whoever dies over it leaves a set that is whole: this one, or the
// one before under another build's name, which goes when a daemon's own programs sit.
func (k *Kernel) repin(p Pins) error {
	if !k.pinned {
		return nil
	}
	before := k.set()
	before.build = broken
	if err := errors.Join(p.remove(before), k.pinHalf(p)); err != nil {
		return err
	}
	if err := os.Rename(p.path(k.set().String()), p.path(before.String())); err != nil {
		return fmt.Errorf("setting the pins before aside: %w", err)
	}
	return errors.Join(p.whole(k.set()), p.remove(before))
}

// places are where a cgroup asks.
var places = map[string]ebpf.AttachType{
	"ingress":  ebpf.AttachCGroupInetIngress,
	"egress":   ebpf.AttachCGroupInetEgress,
	"connect4": ebpf.AttachCGroupInet4Connect,
	"connect6": ebpf.AttachCGroupInet6Connect,

	"sock_create": ebpf.AttachCGroupInetSockCreate,
}

// AttachTo puts a program on a hook of the table of programs; one of control groups below a group, or, where that is "", below the root.
func AttachTo(program *ebpf.Program, hook, group string) (link.Link, error) {
	switch program.Type() {
	case ebpf.LSM:
		return link.AttachLSM(link.LSMOptions{Program: program})
	case ebpf.Kprobe:
		return link.Kprobe(hook, program, nil)
	case ebpf.CGroupSKB, ebpf.CGroupSockAddr, ebpf.CGroupSock:
		path, err := groupAt(group)
		if err != nil {
			return nil, err
		}
		return link.AttachCgroup(link.CgroupOptions{Path: path, Attach: places[hook], Program: program})
	}
	return link.AttachTracing(link.TracingOptions{Program: program})
}

// Detach takes one program off its hook.
func (k *Kernel) Detach(name string) error {
	l := k.links[name]
	if l == nil {
		return nil
	}
	delete(k.links, name)
	return l.Close()
}

// detach undoes Attach, last first: sessions end being begun before membership ends.
func (k *Kernel) detach() error {
	var errs []error
	for _, p := range slices.Backward(bpf.Programs) {
		errs = append(errs, k.Detach(p.Name))
	}
	return errors.Join(errs...)
}
