// SPDX-License-Identifier: Apache-2.0

package connectors

// The host's part: which machines, the agent, and the connectors as provisioning has built them.

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/need"
	"github.com/reeve-sensor/reeve/testdata/vm"
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

var (
	machines = flag.String("machines", "6.12", "kernels, each with nobpf at its end for one without bpf in lsm=")
	onStage  = flag.Bool("stage", false, "this is the machine")
)

func TestConnectors(t *testing.T) {
	vmtest.Machine(t)
	for _, program := range []string{"dnsmasq", "ip", "node", "curl"} {
		vmtest.Program(t, need.Connectors, program)
	}
	sum := sources(t)
	installed := func(cache string) string { return filepath.Join(cache, "connectors", "servers-"+sum) }
	vmtest.Play(t, *machines, "../..", vm.Config{
		Memory: 4096, Timeout: 40 * time.Minute,
		Layers: []string{vmtest.Layer(t, messages.ClaudeLayer), vmtest.LayerFor(t, need.Connectors, installed)},
	})
}

// sources names the servers' sources as provisioning does: by the sum of all of them.
func sources(t *testing.T) string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir("servers", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	}))
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(t, err)
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
