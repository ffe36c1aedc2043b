// SPDX-License-Identifier: Apache-2.0

// This file is plugins on the command line: how they are, and the beginning of a new one.

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
	"time"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// skeleton is what a new plugin begins with.
//
//go:embed skeleton
var skeleton embed.FS

var pluginName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,23}$`)

// pluginNew writes a plugin that works, for its author to go on from.
func pluginNew(_ context.Context, e *env, args []string) error {
	f := e.flags("plugin new")
	asJSON := f.Bool("json", false, "one object")
	module := f.String("module", "", "the Go module that it will be, as in example.com/`PATH`")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("plugin new", rest, 1, 1, "a name"); err != nil {
		return err
	}
	name := rest[0]
	if !pluginName.MatchString(name) {
		return site.Hint(fmt.Errorf("plugin new: %q is no name", name), "small letters, digits and -, 24 at most")
	}
	if *module == "" {
		*module = "example.com/" + name
	}
	if err := os.Mkdir(name, 0o755); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("plugin new: %s is there already", name)
	} else if err != nil {
		return fmt.Errorf("plugin new: %w", err)
	}
	files, err := writeSkeleton(name, map[string]string{"Name": name, "Module": *module})
	if err != nil {
		return fmt.Errorf("plugin new: %w", err)
	}
	if *asJSON {
		return writeJSON(e.stdout, map[string]any{"name": name, "module": *module, "files": files})
	}
	fmt.Fprintf(e.stdout, "%s: %s\nnext: cd %s && go mod tidy && go test ./... ; README.md says how it is installed\n", name, strings.Join(files, ", "), name)
	return nil
}

// writeSkeleton fills the templates in.
func writeSkeleton(dir string, values map[string]string) (files []string, err error) {
	entries, err := skeleton.ReadDir("skeleton")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		t, err := template.New(entry.Name()).Delims("<<", ">>").ParseFS(skeleton, "skeleton/"+entry.Name())
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, values); err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(entry.Name(), ".tmpl")
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			return nil, err
		}
		files = append(files, name)
	}
	return files, nil
}

// askWithin is how long a daemon is waited for that has a word to say, but need not.
const askWithin = 2 * time.Second

// askPlugins has a running daemon say what its plugins answer to; where none does, policies are not held against that.
func askPlugins(c site.Config) site.Config {
	if len(c.Plugin) == 0 {
		return c
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	client, err := api.Dial(ctx, c.Run, api.Admin, api.Own)
	if err != nil {
		return c
	}
	defer client.Close()
	s, err := client.Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return c
	}
	actions := map[string][]string{}
	for _, p := range s.Plugins {
		actions[p.Name] = p.Actions
	}
	return c.Told(actions)
}

// printPlugins adds a row for each plugin to the status.
func printPlugins(e *env, plugins []*pb.Plugin, now time.Time, row func(what, text string)) {
	what := "plugins"
	for _, p := range plugins {
		state := p.State
		if state != "running" {
			state = e.paint.amber(state)
		}
		text := fmt.Sprintf("%s %s %s", safe(p.Name), safe(p.Version), state)
		if p.SinceMs > 0 {
			text += " since " + strings.TrimSuffix(since(p.SinceMs, now), " ago")
		}
		row(what, text+pluginCounts(e, p))
		if problem := firstOf(p.Problem, p.Health); problem != "" {
			row("", e.paint.amber(safe(problem))+again(p, now))
		}
		what = ""
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func again(p *pb.Plugin, now time.Time) string {
	left := time.UnixMilli(p.UntilMs).Sub(now)
	if p.UntilMs == 0 || left < time.Second {
		return ""
	}
	return fmt.Sprintf("; next attempt in %s", left.Round(time.Second))
}

// pluginCounts are the counts that are not 0.
func pluginCounts(e *env, p *pb.Plugin) string {
	var parts []string
	for _, c := range []struct {
		n    uint64
		what string
		loss bool
	}{
		{p.Exported, "exported", false}, {p.Queued, "queued", false}, {p.Answered, "responded", false}, {p.Restarts, "restarted", false},
		{p.Refused, "refused", true}, {p.Dropped, "dropped", true}, {p.Failed, "not responded", true},
	} {
		if c.n == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", c.n, c.what)
		if c.loss {
			text = e.paint.amber(text)
		}
		parts = append(parts, text)
	}
	if parts == nil {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func pluginsJSON(plugins []*pb.Plugin) []map[string]any {
	out := []map[string]any{}
	for _, p := range plugins {
		out = append(out, map[string]any{
			"name": p.Name, "version": p.Version, "state": p.State, "problem": p.Problem, "health": p.Health, "sha256": p.Sha256, "pid": p.Pid,
			"restarts": p.Restarts, "exported": p.Exported, "refused": p.Refused, "dropped": p.Dropped, "queued": p.Queued,
			"queued_bytes": p.QueuedBytes, "answered": p.Answered, "failed": p.Failed, "actions": p.Actions,
		})
	}
	return out
}
