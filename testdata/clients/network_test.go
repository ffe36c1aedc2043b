// SPDX-License-Identifier: Apache-2.0

package clients

// The network: the machine's own, which is the clients', and one behind it with the servers, so that what they ask for is sent.

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// Addresses for measurements between networks (RFC 2544, RFC 5180): whoever has them is far away and yet nobody else's.
const (
	names   = "198.18.0.2" // who answers for names
	web     = "198.18.0.3" // what is allowed
	api     = "198.18.0.4" // the model
	refused = "198.18.0.8" // what is not, and has a name
	listed  = "198.18.0.9" // and is in /etc/hosts

	webSix     = "2001:2::3"
	refusedSix = "2001:2::8"
)

// served are the addresses at which everything is served.
var served = []string{web, refused, listed, webSix, refusedSix}

// space is the network namespace of the servers.
const space stage.Network = "servers"

// connect makes the servers' network, and a wire to it.
func connect(t *testing.T) {
	t.Helper()
	must(t, space.Connect(t.Context(), []string{"198.18.0.1", "2001:2::1"}, []string{names, web, api, refused, listed, webSix, refusedSix}))
}

// run runs a command as root that must succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// listen has the servers' network answer at an address.
func listen(t *testing.T, address, port string) net.Listener {
	t.Helper()
	l, err := space.Listen(address, port)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// start begins a server that is no part of this program, among the servers or in the machine, and ends it with the test.
func start(t *testing.T, among stage.Network, args ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if among != "" {
		cmd = among.Command(ctx, args...)
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// answerer is a server of names, with what it was asked.
type answerer struct{ log string }

// ask starts dnsmasq, which writes down every question and whether it knew the answer.
func ask(t *testing.T, among stage.Network, address string, args ...string) answerer {
	t.Helper()
	a := answerer{fmt.Sprintf("/run/names-%s.log", address)}
	start(t, among, append([]string{"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--no-hosts", "--no-resolv", "--pid-file=",
		"--bind-interfaces", "--listen-address=" + address, "--log-queries=extra", "--log-facility=" + a.log}, args...)...)
	return a
}

// lines are those of its log that have all the words.
func (a answerer) lines(words ...string) (found []string) {
	return linesOf(a.log, words...)
}

func linesOf(file string, words ...string) []string {
	text, _ := os.ReadFile(file)
	return linesIn(string(text), words...)
}

func linesIn(text string, words ...string) (found []string) {
	for line := range strings.Lines(text) {
		if hasAll(line, words) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// zone is what the resolver far away knows. Answers live for ten minutes; who holds one for longer shows with the short one.
func zone(t *testing.T) answerer {
	t.Helper()
	return ask(t, space, names, "--local-ttl=600",
		"--host-record=www.allowed.test,"+web+","+webSix, "--cname=alias.allowed.test,www.allowed.test",
		"--host-record=short.allowed.test,"+web+",2", "--host-record=primed.allowed.test,"+web, "--host-record=api.allowed.test,"+api,
		"--host-record=www.refused.test,"+refused+","+refusedSix)
}
