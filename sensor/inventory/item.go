// SPDX-License-Identifier: Apache-2.0

// This file is one thing that was found on the workstation.

package inventory

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// Kind is what an Item is.
type Kind string

// The kinds.
const (
	KindAgent       Kind = "agent"       // a program of the catalogue
	KindConnector   Kind = "connector"   // an MCP server, packed as an extension or not
	KindSkill       Kind = "skill"       // an Agent Skill folder
	KindCommand     Kind = "command"     // a prompt that people call by name
	KindSubagent    Kind = "subagent"    // a prompt that the agent gives work to
	KindHook        Kind = "hook"        // what an agent runs when something happens
	KindPlugin      Kind = "plugin"      // several of these together
	KindMarketplace Kind = "marketplace" // where plugins come from
	KindFile        Kind = "file"        // one that could not be read, whatever is in it
	KindSuspect     Kind = "suspect"     // a process that behaves like an agent and is none of the catalogue
)

// Kinds lists them in the order in which people read them.
var Kinds = []Kind{KindAgent, KindConnector, KindSkill, KindCommand, KindSubagent, KindHook, KindPlugin, KindMarketplace, KindFile, KindSuspect}

// Scope is for whom a configuration holds.
type Scope string

// The scopes.
const (
	ScopeUser      Scope = "user"
	ScopeProject   Scope = "project"   // whoever works in the folder; it came with the folder
	ScopeLocal     Scope = "local"     // one user in one folder
	ScopePlugin    Scope = "plugin"    // it came with a plugin
	ScopeExtension Scope = "extension" // a packed connector
	ScopeManaged   Scope = "managed"   // the administrator's
	ScopeDynamic   Scope = "dynamic"   // of one run: its command line names it
	ScopeVendor    Scope = "vendor"    // of the user's account; no file starts it
	ScopeSystem    Scope = "system"    // the machine's
)

var scopes = []Scope{ScopeUser, ScopeProject, ScopeLocal, ScopePlugin, ScopeExtension, ScopeManaged, ScopeDynamic, ScopeVendor, ScopeSystem}

// Item is one thing found. Values of credentials are never in it, their names are; texts of known secret shapes are redacted.
type Item struct {
	Kind     Kind     `json:"kind"`
	Name     string   `json:"name"`
	Owner    string   `json:"owner"` // the user in whose home or for whom it is; "system"
	Scope    Scope    `json:"scope"`
	Agents   []string `json:"agents,omitempty"`  // that read it
	Project  string   `json:"project,omitempty"` // folder in which alone it holds
	Part     string   `json:"part_of,omitempty"` // plugin or extension that it came with
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`
	Identity Identity `json:"identity"`
	Digest   string   `json:"digest"`            // of the identity: what approvals are bound to
	Content  string   `json:"content,omitempty"` // SHA-256 over its files, as policies pin it

	Signature *Signature `json:"signature,omitempty"` // of an extension

	Transport string   `json:"transport,omitempty"` // stdio, http, sse, ws
	Disabled  bool     `json:"disabled,omitempty"`
	Version   string   `json:"version,omitempty"`
	Pinned    *bool    `json:"pinned,omitempty"`      // whether the next start runs the same version; nil where the question has no sense
	Secrets   []string `json:"credentials,omitempty"` // names
	Literal   []string `json:"literal_credentials,omitempty"`
	NotHeld   string   `json:"not_held_in_kernel,omitempty"` // why the kernel holds nothing of what it does
	Running   []uint32 `json:"running,omitempty"`            // pids
	Installed []Part   `json:"installed,omitempty"`          // what a package runner has fetched: package and SHA-256 over its files

	Traits   []string  `json:"traits,omitempty"` // private-data, untrusted-content, way-out
	Risk     string    `json:"risk"`             // none, low, medium, high, critical
	Reasons  []Reason  `json:"reasons,omitempty"`
	Approval Approval  `json:"approval"`
	First    time.Time `json:"first_seen,omitzero"`
	Last     time.Time `json:"last_seen,omitzero"`
	Sessions []Use     `json:"sessions,omitempty"`
	Evidence []string  `json:"evidence,omitempty"` // of suspects
	Error    string    `json:"error,omitempty"`    // why it is not known whole

	Facts Facts `json:"-"`
}

// Facts are what risk is judged by beside what is shown.
type Facts struct {
	Environment []string  // names that make programs load code
	Unset       []string  // variables that the command line leaves to the environment
	Started     Started   // the command as it is executed; nothing where variables are left in it
	Open        Started   // the command as it is spelled, where it has variables; nothing where it is too long, or not known how many arguments become of it
	Secret      bool      // the command line or URL holds one
	Writable    []string  // files of it that everybody may write
	Trusted     bool      // the agent asks nobody before it uses its tools
	AllProject  bool      // the user has let in whatever folders bring
	Loads       []string  // lines that a shell runs when it is loaded
	Tools       []string  // that it may use without asking
	Hooks       []string  // it brings itself
	Hidden      bool      // characters that people do not see
	Packed      []Part    // files of a packed extension whose publisher is verified
	Until       time.Time // its publisher is verified
	Event       string    // of a hook
	Known       string    // a connector that traits are known of
	AutoUpdate  bool
}

// Signature is what is known of an extension's.
type Signature struct {
	State  string `json:"state"`            // as package signed has them
	Claims string `json:"claims,omitempty"` // who it says that signed, which is nobody's identity
	Why    string `json:"why,omitempty"`    // it does not hold
	File   string `json:"file,omitempty"`   // that was signed, where the item is what was unpacked from it
}

// Started is a command as it is executed, secrets and all: what the kernel compares with. It tells nobody else, and is never written.
type Started struct {
	argv   []string
	folder string
}

// Starts makes a Started. A relative program counts from folder.
func Starts(argv []string, folder string) Started { return Started{slices.Clone(argv), folder} }

// Argv is the command.
func (s Started) Argv() []string { return s.argv }

// Folder is what a relative program counts from.
func (s Started) Folder() string { return s.folder }

// String tells nothing.
func (s Started) String() string { return "(not shown)" }

// GoString tells nothing.
func (s Started) GoString() string { return s.String() }

// Reason is one thing that makes an item a risk.
type Reason struct {
	Level string `json:"level"`
	Code  string `json:"code"`
	Text  string `json:"text"`
}

// Use is one session that used an item, as the kernel saw it.
type Use struct {
	Session string    `json:"session"`
	At      time.Time `json:"at"`
}

// Approval is what was decided about an item, and by what.
type Approval struct {
	State  string   `json:"state"` // approved, pinned, revoked, changed, pending; allowed, denied (by policy); "" where nothing is asked
	By     string   `json:"by,omitempty"`
	At     string   `json:"at,omitempty"`
	Reason string   `json:"reason,omitempty"`
	Rule   string   `json:"rule,omitempty"`
	Diff   []Change `json:"diff,omitempty"` // from what was approved to what is there
}

// Key names an item for as long as it is where it is: what it is may change.
func (it *Item) Key() string {
	return strings.Join([]string{string(it.Kind), it.Owner, string(it.Scope), it.File, it.Project, it.Part, it.Name}, "\x00")
}

// ID is how people name it.
func (it *Item) ID() string { return string(it.Kind) + ":" + it.Name }

// Packed reports whether an item is an extension as it lies about: what starts is what it is unpacked to.
func (it *Item) Packed() bool {
	return it.Kind == KindConnector && it.Scope == ScopeExtension && path.Base(it.File) != "manifest.json"
}

// Governed reports whether approvals are about things of this kind.
func (k Kind) Governed() bool {
	switch k {
	case KindAgent, KindConnector, KindSkill, KindCommand, KindSubagent, KindHook, KindPlugin, KindMarketplace:
		return true
	}
	return false
}

// Command is the item's command line or URL, whichever it has.
func (it *Item) Command() string {
	if it.Identity.URL != "" {
		return it.Identity.URL
	}
	return strings.Join(it.Identity.Command, " ")
}

// Sort orders items as people read them, the same for the same items.
func Sort(items []Item) {
	slices.SortStableFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)), cmp.Compare(a.Owner, b.Owner),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key(), b.Key()), cmp.Compare(a.Line, b.Line))
	})
}

// SkillFile is the file that makes a folder a skill.
const SkillFile = "SKILL.md"
