// SPDX-License-Identifier: Apache-2.0

// Package resolvers knows who answers for names on this machine: whose answers the kernel side believes, and whom sessions may
// ask. It is who the machine's own programs ask, as the resolver library reads resolv.conf(5); whom the local stub asks in turn;
// and whoever the configuration names.
//
// Trust is by address and has no zone: fe80::1%eth0 is fe80::1 on every link.
package resolvers

import (
	"errors"
	"io/fs"
	"net/netip"
	"slices"
)

// Host is the first process's view of the file system.
const Host = "/proc/1/root"

// Default is the file that the resolver library reads. Where it names nobody the machine itself is asked (resolv.conf(5)).
const Default = "/etc/resolv.conf"

// Files are read unless the configuration says otherwise: the second one is whom systemd-resolved asks.
func Files() []string { return []string{Default, "/run/systemd/resolve/resolv.conf"} }

// Configured is where a resolver comes from that the configuration names.
const Configured = "configuration"

// Resolver is somebody who answers for names.
type Resolver struct {
	Address netip.Addr // IPv4 as such; no zone
	From    string     // the first that names it: Configured or a file
}

// Sources say where resolvers are named.
type Sources struct {
	Root  string       // below which Files are
	Files []string     // absolute; missing ones name nobody
	Given []netip.Addr // by the configuration
}

// Read is whom the sources name: those of the configuration first, each once. The problems are lines that name nobody, and files
// that cannot be read.
func (s Sources) Read() ([]Resolver, []error) {
	return s.read(func(string) []netip.Addr { return nil })
}

// read takes what a file said before, where it cannot be read now.
func (s Sources) read(before func(file string) []netip.Addr) ([]Resolver, []error) {
	var list []Resolver
	var problems []error
	for _, a := range s.Given {
		list = add(list, a, Configured)
	}
	for _, file := range s.Files {
		found, errs, err := s.file(file)
		if err != nil {
			errs = []error{err}
			found = before(file)
		}
		problems = append(problems, errs...)
		for _, a := range found {
			list = add(list, a, file)
		}
	}
	return list, problems
}

// file is whom one file names.
func (s Sources) file(name string) (found []netip.Addr, problems []error, err error) {
	text, err := readBelow(s.Root, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	found, problems = parse(name, text)
	if len(found) == 0 && name == Default {
		found = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return found, problems, nil
}

func add(list []Resolver, a netip.Addr, from string) []Resolver {
	a = plain(a)
	if slices.ContainsFunc(list, func(r Resolver) bool { return r.Address == a }) {
		return list
	}
	return append(list, Resolver{a, from})
}

// plain is an address as packets have it: no address at all is the machine itself.
func plain(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	switch a {
	case netip.IPv4Unspecified():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		return netip.IPv6Loopback()
	}
	return a
}
