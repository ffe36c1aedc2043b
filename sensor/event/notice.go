// SPDX-License-Identifier: Apache-2.0

// This file is what the sensor itself has to say: an administrator's act, a loss of coverage, a brake that engaged. No
// record of the kernel is behind it, and no kernel writes its kind.

package event

import (
	"fmt"
	"strings"
	"time"
)

// Notice is the kind of an event that the sensor makes itself, far beyond the kernel's kinds.
const Notice = Kind(1 << 12)

// Said is what a notice says beside where and when.
type Said struct {
	Name     string // of the table of notices; programs go by it
	Severity string // "" takes the table's
	Message  string // one line for people
	Reason   string // as the administrator gave it
	By       *Actor // nil: the sensor itself
	Session  uint64 // 0: the whole host
	Role     string // where it is about a role
}

// Actor is the person behind an act.
type Actor struct {
	UID   uint32 `json:"uid"`
	User  string `json:"user"`
	Login string `json:"login,omitempty"` // who logged in, where that is somebody else: sudo
}

// String is the actor as people read it; the sensor itself where there is none.
func (a *Actor) String() string {
	switch {
	case a == nil:
		return "reeved"
	case a.Login != "":
		return fmt.Sprintf("%s (login %s)", a.User, a.Login)
	}
	return a.User
}

// The names of notices. They never change: rules of a SIEM go by them.
const (
	BreakGlassBegin   = "break-glass.begin"
	BreakGlassEnd     = "break-glass.end"
	BreakGlassTrouble = "break-glass.trouble"
	SafetyAudit       = "safety.audit" // a session's policy fell to audit
	SafetySpike       = "safety.spike" // a session is refused very much; nothing was done
	PolicyApplied     = "policy.applied"
	PolicyConfirmed   = "policy.confirmed"
	PolicyRolledBack  = "policy.rolled-back"
	PolicyRefused     = "policy.refused"
	CoverageDegraded  = "coverage.degraded"
	CoverageRestored  = "coverage.restored"
	SessionKilled     = "session.killed"
	SessionFrozen     = "session.frozen"
	SessionIsolated   = "session.isolated"
	SessionDenied     = "session.denied"
	SessionThawed     = "session.thawed"
	InventoryNew      = "inventory.new"     // something came that agents use
	InventoryChanged  = "inventory.changed" // it is not what it was
	InventorySuspect  = "inventory.suspect" // a process behaves like an agent and is none that is known
	InventoryDecided  = "inventory.decided" // something was approved, pinned or revoked
	KillFailed        = "kill.failed"       // of a process that a rule on networks kills
	DaemonStarted     = "daemon.started"
	DaemonStopped     = "daemon.stopped"
	PluginDown        = "plugin.down" // it does not run, or what it exports waits
	PluginUp          = "plugin.up"
	PluginLost        = "plugin.lost"   // events that it should have exported
	PluginFailed      = "plugin.failed" // to do what a rule wants
)

// notices is the table: how severe each is where it does not say itself, and what OCSF calls it.
var notices = map[string]struct {
	severity string
	activity activity
}{
	BreakGlassBegin:   {"high", activity{classAPI, 1, "Create"}},
	BreakGlassEnd:     {"medium", activity{classAPI, 4, "Delete"}},
	BreakGlassTrouble: {"high", activity{classFinding, 1, "Create"}},
	SafetyAudit:       {"high", activity{classFinding, 1, "Create"}},
	SafetySpike:       {"medium", activity{classFinding, 1, "Create"}},
	PolicyApplied:     {"info", activity{classAPI, 3, "Update"}},
	PolicyConfirmed:   {"info", activity{classAPI, 3, "Update"}},
	PolicyRolledBack:  {"medium", activity{classAPI, 3, "Update"}},
	PolicyRefused:     {"medium", activity{classAPI, 3, "Update"}},
	CoverageDegraded:  {"critical", activity{classFinding, 1, "Create"}},
	CoverageRestored:  {"info", activity{classFinding, 3, "Close"}},
	SessionKilled:     {"high", activity{classAPI, 3, "Update"}},
	SessionFrozen:     {"high", activity{classAPI, 3, "Update"}},
	SessionIsolated:   {"high", activity{classAPI, 3, "Update"}},
	SessionDenied:     {"high", activity{classAPI, 3, "Update"}},
	SessionThawed:     {"medium", activity{classAPI, 3, "Update"}},
	InventoryNew:      {"info", activity{classFinding, 1, "Create"}},
	InventoryChanged:  {"medium", activity{classFinding, 2, "Update"}},
	InventorySuspect:  {"high", activity{classFinding, 1, "Create"}},
	InventoryDecided:  {"info", activity{classAPI, 3, "Update"}},
	KillFailed:        {"high", activity{classFinding, 1, "Create"}},
	DaemonStarted:     {"info", activity{classLifecycle, 3, "Start"}},
	DaemonStopped:     {"info", activity{classLifecycle, 4, "Stop"}},
	PluginDown:        {"medium", activity{classFinding, 1, "Create"}},
	PluginUp:          {"info", activity{classFinding, 3, "Close"}},
	PluginLost:        {"high", activity{classFinding, 1, "Create"}},
	PluginFailed:      {"high", activity{classFinding, 1, "Create"}},
}

// NewNotice makes the event of what is said. at is the moment on the kernel's clock, wall the same on the wall's.
func NewNotice(s Said, at uint64, wall time.Time) *Event {
	s.Severity = s.Level()
	e := &Event{Kind: Notice, Time: wall, Said: &s, Role: s.Role, Reason: s.Reason, Severity: s.Severity}
	e.Head = Head{Kind: Notice, Time: at, Session: s.Session, Action: Allow}
	if s.By != nil {
		e.Head.UID, e.User = s.By.UID, s.By.User
	}
	return e
}

// notice fills in what the classes of notices are about.
func (e *Event) notice(a activity, h Host, o fields) {
	s := e.said()
	o["actor"] = s.By.ocsf()
	switch a.class {
	case classAPI:
		o["api"] = fields{"operation": s.Name, "service": fields{"name": "reeved"}}
		o["src_endpoint"] = fields{"hostname": h.Name, "svc_name": "reeve"}
		o["resources"] = []fields{e.resource(h)}
		o["status_id"], o["status"] = 1, "Success"
		if s.Name == PolicyRefused {
			o["status_id"], o["status"] = 2, "Failure"
		}
	case classFinding:
		o["finding_info"] = fields{"uid": s.topic() + "@" + orElse(e.Session, h.Name), "title": s.Name, "desc": s.Message}
		o["resources"] = []fields{e.resource(h)}
		o["status_id"], o["status"] = 1, "New"
		if a.id == 3 {
			o["status_id"], o["status"] = 4, "Resolved"
		}
	case classLifecycle:
		o["app"] = fields{"name": "reeved", "vendor_name": "Reeve", "version": h.Version}
	}
}

// Level is how severe the notice is: what it says, else what the table does.
func (s *Said) Level() string {
	if s.Severity != "" {
		return s.Severity
	}
	return notices[s.Name].severity
}

// topic is what a notice's name begins with: what begins and what ends a state share it.
func (s *Said) topic() string {
	topic, _, _ := strings.Cut(s.Name, ".")
	return topic
}

// said is what the notice says; nothing where the event is none.
func (e *Event) said() Said {
	if e.Said == nil {
		return Said{}
	}
	return *e.Said
}

// resource is what the notice is about.
func (e *Event) resource(h Host) fields {
	switch {
	case e.Session != "":
		return fields{"type": "session", "uid": e.Session}
	case e.Role != "":
		return fields{"type": "role", "name": e.Role}
	}
	return fields{"type": "host", "name": h.Name}
}

func (a *Actor) ocsf() fields {
	if a == nil {
		return fields{"app_name": "reeved"}
	}
	return fields{"app_name": "reeve", "user": fields{"uid": fmt.Sprint(a.UID), "name": a.User}}
}
