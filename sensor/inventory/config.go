// SPDX-License-Identifier: Apache-2.0

// This file is where agents keep their settings: rows of the catalogue, which say what can be read where.

package inventory

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// Config is one file, or several by a glob, that an agent reads.
type Config struct {
	Scope Scope `toml:"scope"`
	// File is a glob below the home (~/), the project or the plugin (./), or the root (/).
	File   string `toml:"file"`
	Format string `toml:"format"` // where the name does not say it
	// Reads says what is in it, and at which keys: * is any key, "" the whole file.
	Reads    map[string]string `toml:"reads"`
	Verified string            `toml:"verified"` // where that differs from the agent's
}

// What a Config can hold beside items themselves.
const (
	ReadEnabled  = "enabled"  // names to true or false: plugins
	ReadDisabled = "disabled" // a list of names of connectors
	ReadTrusted  = "trusted"  // true: whatever connectors the folder brings are let in
	ReadProject  = "project"  // a table whose keys are folders that the agent worked in
	ReadVendor   = "vendor"   // a list of names of connectors of the user's account
	ReadCode     = "code"     // files that the agent loads as code of its own
	ReadPackage  = "package"  // a list of packages that the agent loads so
	ReadPacked   = "packed"   // an extension's manifest
)

var readable = []string{string(KindConnector), string(KindSkill), string(KindCommand), string(KindSubagent), string(KindHook), string(KindPlugin),
	string(KindMarketplace), ReadEnabled, ReadDisabled, ReadTrusted, ReadProject, ReadVendor, ReadCode, ReadPackage, ReadPacked}

var roots = map[Scope][]string{
	ScopeUser: {"~/"}, ScopeLocal: {"~/"}, ScopeVendor: {"~/"}, ScopeExtension: {"~/"}, ScopeProject: {"./"}, ScopePlugin: {"./"},
	ScopeManaged: {"/"}, ScopeSystem: {"/"},
}

// check tells what a row says and cannot mean, or "".
func (c *Config) check() string {
	switch {
	case !slices.Contains(scopes, c.Scope):
		return fmt.Sprintf("scope %q: unknown", c.Scope)
	case !slices.ContainsFunc(roots[c.Scope], func(r string) bool { return strings.HasPrefix(c.File, r) }):
		return fmt.Sprintf("file %q: of scope %s it begins with %s", c.File, c.Scope, strings.Join(roots[c.Scope], " or "))
	case !doublestar.ValidatePattern(c.Below()) || path.Clean("/"+c.Below()) != "/"+c.Below():
		return fmt.Sprintf("file %q: not a glob", c.File)
	case len(c.Reads) == 0:
		return fmt.Sprintf("file %q: nothing is read there", c.File)
	case c.Verified != "" && !slices.Contains(verified, c.Verified):
		return fmt.Sprintf("verified %q: unknown", c.Verified)
	}
	for what := range c.Reads {
		if !slices.Contains(readable, what) {
			return fmt.Sprintf("file %q: reads %q: unknown", c.File, what)
		}
	}
	return ""
}

// checkConfig tells what an entry says of settings and cannot mean.
func (a *Agent) checkConfig(text string) []error {
	var errs []error
	var rows []int
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "[[config]]") {
			rows = append(rows, i+1)
		}
	}
	for i := range a.Config {
		if wrong := a.Config[i].check(); wrong != "" {
			line := 0
			if i < len(rows) {
				line = rows[i]
			}
			errs = append(errs, &Problem{a.File, line, "config: " + wrong, `scope, file = "~/…", "./…" or "/…", reads = { connector = "mcpServers" }`})
		}
	}
	for name, folder := range a.Moved {
		if path.Clean("/"+folder) != "/"+folder || folder == "" {
			errs = append(errs, &Problem{a.File, lineOf(text, []string{"moved"}), fmt.Sprintf("moved %s %q: no folder of a home", name, folder), `moved = { X_HOME = ".x" }`})
		}
	}
	for _, option := range a.Options {
		if !strings.HasPrefix(option, "-") {
			errs = append(errs, &Problem{a.File, lineOf(text, []string{"options"}), fmt.Sprintf("options %q: no option", option), `options = ["--mcp-config"]`})
		}
	}
	return errs
}

// Below is the glob without its root.
func (c *Config) Below() string {
	for _, root := range []string{"~/", "./", "/"} {
		if rest, ok := strings.CutPrefix(c.File, root); ok {
			return rest
		}
	}
	return c.File
}

// Written is the format of one of the files.
func (c *Config) Written(name string) formats.Format {
	if c.Format != "" {
		return formats.Format(c.Format)
	}
	return formats.Of(name)
}
