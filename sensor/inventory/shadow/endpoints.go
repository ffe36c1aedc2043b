// SPDX-License-Identifier: Apache-2.0

// This file knows where models answer: by which names, and at which addresses, as far as the sessions of known agents have been told.

package shadow

import (
	"net/netip"
	"path"
	"slices"
)

// endpoint is a name at which models answer programs.
type endpoint struct {
	name   string // a star is one or more letters of it
	weight int    // weak where people's browsers go there too, or where its addresses serve much else
}

var endpoints = []endpoint{
	{"api.anthropic.com", strong}, {"api.openai.com", strong}, {"api.mistral.ai", strong}, {"api.groq.com", strong}, {"api.x.ai", strong}, {"api.deepseek.com", strong},
	{"api.cohere.com", strong}, {"bedrock-runtime.*.amazonaws.com", strong}, {"chatgpt.com", weak}, {"openrouter.ai", weak},
	{"generativelanguage.googleapis.com", weak}, {"cloudcode-pa.googleapis.com", weak}, {"*.githubcopilot.com", weak}, {"*.cursor.sh", weak},
}

// endpointOf is what is known of a name.
func endpointOf(name string) (endpoint, bool) {
	i := slices.IndexFunc(endpoints, func(e endpoint) bool { ok, _ := path.Match(e.name, name); return ok })
	if i < 0 {
		return endpoint{}, false
	}
	return endpoints[i], true
}

// Endpoints are addresses at which models answer, each with a name.
type Endpoints map[netip.Addr]string

// EndpointsOf finds them among the addresses that answers gave names. An address that has the name of something else too says nothing of
// who is connected to it.
func EndpointsOf(answers map[netip.Addr][]string) Endpoints {
	out := Endpoints{}
	for address, names := range answers {
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { _, ok := endpointOf(n); return !ok }) {
			continue
		}
		out[address] = slices.MinFunc(names, func(a, b string) int { // what weighs least counts: it may be that
			ea, _ := endpointOf(a)
			eb, _ := endpointOf(b)
			return ea.weight - eb.weight
		})
	}
	return out
}

// Host is where a process is connected to.
type Host struct {
	Name    string // at which a model answers
	Address netip.Addr
}

// fromHosts goes by connections: by address, so that what lies beside a model at the same one is taken for it.
func (s *Suspicion) fromHosts(p *Process) {
	said := map[string]bool{}
	for _, h := range p.Hosts {
		e, ok := endpointOf(h.Name)
		if !ok || said[h.Name] {
			continue
		}
		said[h.Name] = true
		s.add(e.weight, "it is connected to %s, where %s answered a session", h.Address, h.Name)
	}
}
