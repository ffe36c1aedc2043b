// SPDX-License-Identifier: Apache-2.0

package catalogue

// The machine's part: reeved, alice, and one agent after the other.

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

const secret = "not-for-agents-90fe25"

func TestOnStage(t *testing.T) {
	if !*onStage {
		t.Skip("runs in the machine of TestAgentsFindThemselves")
	}
	p, err := stage.Lookup("alice")
	must(t, err)
	scenario, err := messages.Load("agents.toml", map[string]string{"home": p.Home})
	must(t, err)
	must(t, p.Write(map[string]string{".ssh/id_ed25519": secret + "\n", "work/README": "A project.\n"}))
	must(t, p.Own())
	r, err := stage.Install(t.Context(), "bin")
	must(t, err)
	defer r.Stop()
	for i := range messages.Agents {
		a := &run{Agent: &messages.Agents[i], person: p, reeve: r}
		if only := strings.Fields(os.Getenv("AGENTS")); len(only) > 0 && !slices.Contains(only, a.Name) {
			continue
		}
		t.Run(a.Name, func(t *testing.T) { a.play(t.Context(), t, scenario) })
	}
	if only := os.Getenv("AGENTS"); only == "" || only == "renamed" {
		t.Run("renamed", func(t *testing.T) { (&renamed{p, r}).play(t.Context(), t) })
	}
	if text, err := p.Output(t.Context(), "cat", p.Home+"/.ssh/id_ed25519"); err != nil || text != secret+"\n" {
		t.Errorf("alice does not read her own key outside of the sessions: %q, %v", text, err)
	}
	if t.Failed() {
		t.Log(r.Said())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run is one agent at work.
type run struct {
	*messages.Agent
	person *stage.Person
	reeve  *stage.Reeve

	scenario *messages.Scenario // in its words
	records  []messages.Record
}

func (a *run) play(ctx context.Context, t *testing.T, scenario *messages.Scenario) {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	a.scenario = scenario
	spoken, err := scenario.For(a.Agent)
	must(t, err)
	var record bytes.Buffer
	begun := time.Now()
	said, err := messages.Play(spoken, &record, func(url string) *exec.Cmd { return a.command(ctx, t, url) })
	t.Logf("worked for %s", time.Since(begun).Round(100*time.Millisecond))
	if err != nil {
		t.Error(err)
	}
	for lines := json.NewDecoder(&record); lines.More(); {
		var one messages.Record
		must(t, lines.Decode(&one))
		a.records = append(a.records, one)
	}
	a.checkResults(t)
	a.checkSession(ctx, t)
	if t.Failed() {
		t.Log(said)
	}
}

// command is the agent as alice would start it, where npm or its installer has put it.
func (a *run) command(ctx context.Context, t *testing.T, url string) *exec.Cmd {
	t.Helper()
	if a.Settings != nil {
		must(t, a.person.Write(a.Settings(url)))
		must(t, a.person.Own())
	}
	must(t, os.RemoveAll(filepath.Join(a.person.Home, "work/note.txt")))
	cmd := a.person.Command(ctx, filepath.Join(a.person.Home, a.Program), append(a.Args(url), "Work.")...)
	cmd.Dir = filepath.Join(a.person.Home, "work")
	if a.Env != nil {
		cmd.Env = append(cmd.Env, a.Env(url)...)
	}
	for i, value := range cmd.Env { // as a login shell has it; what npm installed for one user is there
		if rest, ok := strings.CutPrefix(value, "PATH="); ok {
			cmd.Env[i] = "PATH=" + a.person.Home + "/.local/bin:" + rest
		}
	}
	return cmd
}

// checkResults: the agent did what the model asked for, and its own file is written; the key it has not seen.
func (a *run) checkResults(t *testing.T) {
	t.Helper()
	got := map[int]string{}
	for _, record := range a.records {
		for _, result := range record.Results {
			got[result.Turn] = result.Content
			if strings.Contains(result.Content, secret) {
				t.Errorf("turn %d: the agent has seen the key", result.Turn)
			}
		}
	}
	for turn, want := range map[int]string{0: "it's 42", 2: "Permission denied"} {
		if !strings.Contains(got[turn], want) {
			t.Errorf("%s came back as %q, want %s in it", a.scenario.Turns[turn].Note, got[turn], want)
		}
	}
	note, err := os.ReadFile(filepath.Join(a.person.Home, "work/note.txt"))
	if strings.TrimSpace(string(note)) != "noted" {
		t.Errorf("the file that it wrote: %q, %v", note, err)
	}
}
