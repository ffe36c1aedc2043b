// SPDX-License-Identifier: Apache-2.0

// This file is the part of the configuration that is about networks: who answers for names.

package site

import (
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/reeve-sensor/reeve/sensor/resolvers"
)

// Sources are where resolvers are named on this machine.
func (c *Config) Sources() resolvers.Sources {
	s := resolvers.Sources{Root: resolvers.Host, Files: c.ResolverFiles}
	for _, text := range c.Resolvers {
		if a, ok := resolver(text); ok {
			s.Given = append(s.Given, a)
		}
	}
	return s
}

// resolver reads an address that a question can be sent to.
func resolver(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Zone() == "" && !a.Unmap().IsUnspecified() && !a.Unmap().IsMulticast()
}

func (c *Config) checkResolvers() []*Fault {
	var out []*Fault
	for _, text := range c.Resolvers {
		if _, ok := resolver(text); !ok {
			out = append(out, &Fault{File: "resolvers", Reason: fmt.Sprintf("resolvers %q: not the address of a resolver", text), Hint: `addresses without port or zone: resolvers = ["10.0.0.53", "fd00::53"]`})
		}
	}
	for _, file := range c.ResolverFiles {
		if !filepath.IsAbs(file) {
			out = append(out, &Fault{File: "resolver_files", Reason: fmt.Sprintf("resolver_files %q: not an absolute path", file)})
		}
	}
	if len(c.Resolvers)+len(c.ResolverFiles) == 0 {
		out = append(out, &Fault{File: "resolver_files", Reason: "resolver_files names no file and resolvers nobody: no session could look up a name", Hint: "leave resolver_files out, or list resolvers"})
	}
	return out
}
