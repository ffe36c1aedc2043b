// SPDX-License-Identifier: Apache-2.0

// This file is the event's JSON: OCSF, so that a SIEM reads it without a mapping. What OCSF has no place for is in
// unmapped.reeve.

package event

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/bpf"
)

// schemaVersion is the version of OCSF whose classes are used.
const schemaVersion = "1.3.0"

// Host is what every event says about where it happened.
type Host struct {
	Name    string
	Version string // of Reeve
	Life    string // of the daemon: its events are numbered from 1
}

// class is one row of the table of OCSF classes.
type class struct {
	uid, category  int
	name, kategory string
}

var (
	classFile      = class{1001, 1, "File System Activity", "System Activity"}
	classModule    = class{1005, 1, "Module Activity", "System Activity"}
	classProcess   = class{1007, 1, "Process Activity", "System Activity"}
	classNetwork   = class{4001, 4, "Network Activity", "Network Activity"}
	classDNS       = class{4003, 4, "DNS Activity", "Network Activity"}
	classLifecycle = class{6002, 6, "Application Lifecycle", "Application Activity"}
	classFinding   = class{2004, 2, "Detection Finding", "Findings"}
	classAPI       = class{6003, 6, "API Activity", "Application Activity"}
	classBase      = class{0, 0, "Base Event", "Uncategorized"}
)

// activity is an activity of a class, by OCSF's number and name.
type activity struct {
	class
	id   int
	verb string
}

var opActivity = map[Op]activity{
	Op(bpf.OpExec):          {classProcess, 1, "Launch"},
	Op(bpf.OpExecArgv):      {classProcess, 1, "Launch"},
	Op(bpf.OpExecWritten):   {classProcess, 1, "Launch"},
	Op(bpf.OpExecAnonymous): {classProcess, 1, "Launch"},
	Op(bpf.OpExecMap):       {classModule, 1, "Load"},
	Op(bpf.OpFileRead):      {classFile, 2, "Read"},
	Op(bpf.OpFileWrite):     {classFile, 3, "Update"},
	Op(bpf.OpFileCreate):    {classFile, 1, "Create"},
	Op(bpf.OpFileDelete):    {classFile, 4, "Delete"},
	Op(bpf.OpFileRename):    {classFile, 5, "Rename"},
	Op(bpf.OpFileAttr):      {classFile, 6, "Set Attributes"},

	Op(bpf.OpConnectorStart): {classLifecycle, 3, "Start"},
	Op(bpf.OpSkillLoad):      {classLifecycle, 3, "Start"},
	Op(bpf.OpAgentStart):     {classLifecycle, 3, "Start"},
}

func (e *Event) activity() activity {
	switch e.Kind {
	case SessionStart:
		return activity{classLifecycle, 3, "Start"}
	case SessionClaim:
		return activity{classLifecycle, 8, "Update"}
	case SessionEnd:
		return activity{classLifecycle, 4, "Stop"}
	case Exec:
		return activity{classProcess, 1, "Launch"}
	case Fork:
		return activity{classProcess, 1, "Launch"}
	case Exit:
		return activity{classProcess, 2, "Terminate"}
	case Held:
		if e.IsSocket() {
			return activity{classNetwork, 1, "Open"}
		}
		return activity{classFile, 14, "Open"}
	case Network:
		return e.flowActivity()
	case Derived:
		return activity{classFinding, 1, "Create"}
	case Notice:
		if n, ok := notices[e.said().Name]; ok {
			return n.activity
		}
	}
	if a, ok := opActivity[e.Head.Op]; ok {
		return a
	}
	return activity{classBase, 99, "Other"}
}

type fields = map[string]any

// OCSF is the event as one JSON object.
func (e *Event) OCSF(h Host) ([]byte, error) {
	a := e.activity()
	o := fields{
		"activity_id": a.id, "activity_name": a.verb,
		"category_uid": a.category, "category_name": a.kategory,
		"class_uid": a.uid, "class_name": a.name,
		"type_uid": a.uid*100 + a.id, "type_name": a.name + ": " + a.verb,
		"time":     e.Time.UnixMilli(),
		"metadata": e.metadata(h),
		"device":   fields{"hostname": h.Name, "type_id": 0, "os": fields{"name": "Linux", "type_id": 200}},
		"actor":    e.actor(),
		"unmapped": fields{"reeve": e.reeve()},
		"message":  e.Message(),
	}
	if e.Repeats > 0 {
		o["count"] = e.Repeats + 1
	}
	e.verdict(o)
	switch e.Kind {
	case Notice:
		e.notice(a, h, o)
	case Derived:
		e.finding(h, o)
	default:
		e.subject(a, o)
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding event %d: %w", e.Seq, err)
	}
	return raw, nil
}

func (e *Event) metadata(h Host) fields {
	profiles := []string{"host", "security_control"}
	if e.Kind == Notice || e.Kind == Derived {
		profiles = profiles[:1]
	}
	return fields{
		"version":  schemaVersion,
		"product":  fields{"name": "Reeve", "vendor_name": "Reeve", "version": h.Version},
		"profiles": profiles,
		"uid":      e.UID(h),
		"sequence": e.Seq,
	}
}

// UID is the event's identity, the same wherever and however often it is sent. What has a record in the ring of verdicts has it by
// that, since the record outlives a daemon that was killed.
func (e *Event) UID(h Host) string {
	if e.Mark != "" {
		return fmt.Sprintf("%s/%s", orElse(e.Session, h.Name), e.Mark)
	}
	if h.Life == "" {
		return fmt.Sprintf("%s/%d", orElse(e.Session, h.Name), e.Seq)
	}
	return fmt.Sprintf("%s/%s-%d", orElse(e.Session, h.Name), h.Life, e.Seq)
}

// Grade is how severe the event is, in the words of rules.
func (e *Event) Grade() string {
	o := fields{}
	e.verdict(o)
	return severities[o["severity_id"].(int)-1]
}

// severities are those of rules, in OCSF's order.
var severities = []string{"info", "low", "medium", "high", "critical"}

var severityNames = []string{"", "Informational", "Low", "Medium", "High", "Critical"}

// verdict says how severe the event is and what became of the act.
func (e *Event) verdict(o fields) {
	severity, disposition, action := 1, 1, 1
	switch act := e.Head.Action; {
	case !e.Judged():
		if own := slices.Index(severities, e.Severity); (e.Kind == Notice || e.Kind == Derived) && own >= 0 {
			severity = own + 1
		}
		o["severity_id"], o["severity"] = severity, severityNames[severity]
		return
	case act.Refuses() && e.Head.Applied():
		severity, disposition, action = 3, 2, 2
		if act == Kill {
			severity = 4
		}
	case act.Refuses():
		severity, disposition, action = 2, 15, 1
	case act == Audit:
		severity, disposition, action = 2, 17, 1
	}
	if own := slices.Index(severities, e.Severity); own >= 0 {
		severity = own + 1
	}
	o["severity_id"] = severity
	o["severity"] = severityNames[severity]
	o["disposition_id"] = disposition
	o["disposition"] = map[int]string{1: "Allowed", 2: "Blocked", 15: "Detected", 17: "Logged"}[disposition]
	o["action_id"] = action
	o["action"] = []string{"", "Allowed", "Denied"}[action]
	o["status_id"] = action
	o["status"] = []string{"", "Success", "Failure"}[action]
	if e.Rule != "" {
		o["firewall_rule"] = fields{"uid": e.Rule, "name": e.Rule, "desc": e.Reason}
	}
}

// subject fills in what the class is about.
func (e *Event) subject(a activity, o fields) {
	switch a.class {
	case classFile:
		o["file"] = file(e.Object)
	case classNetwork, classDNS:
		e.network(o)
	case classModule:
		o["module"] = fields{"file": file(e.Object), "load_type_id": 1, "load_type": "Standard"}
	case classProcess:
		p := e.process()
		if e.Kind == Access {
			p["file"], p["name"] = file(e.Object), path.Base(e.Object)
		}
		if e.Kind == Exit {
			o["exit_code"] = exitCode(e.Status)
		}
		if e.ParentPID != 0 {
			p["parent_process"] = fields{"pid": e.ParentPID, "uid": processUID(e.ParentPID, e.ParentStarted)}
		}
		o["process"] = p
	case classLifecycle:
		app := fields{"name": e.Agent, "vendor_name": orUnknown(e.Vendor)}
		if e.Starts() && e.Head.Op != Op(bpf.OpAgentStart) {
			app = fields{"name": e.Object, "vendor_name": "unknown"}
		}
		if e.Starts() && e.Path != "" {
			app["path"] = e.Path
		}
		o["app"] = app
	}
}

// exitCode is what a shell would say of a wait status.
func exitCode(status int32) int32 {
	if signal := status & 0x7f; signal != 0 {
		return 128 + signal
	}
	return status >> 8 & 0xff
}

func file(name string) fields {
	return fields{"path": name, "name": path.Base(name), "parent_folder": path.Dir(name), "type_id": 0, "type": "Unknown"}
}

func processUID(pid uint32, started uint64) string { return fmt.Sprintf("%d-%d", pid, started) }

func (e *Event) user() fields {
	u := fields{"uid": fmt.Sprint(e.Head.UID)}
	if e.User != "" {
		u["name"] = e.User
	}
	return u
}

// actor is who acts: of what a session left behind, who runs it.
func (e *Event) actor() fields {
	a := fields{"process": e.process(), "user": e.user()}
	if e.Kind != Derived {
		a["app_name"] = e.Agent
	}
	return a
}

func (e *Event) process() fields {
	p := fields{
		"pid": e.Head.PID, "uid": processUID(e.Head.PID, e.Head.Started), "name": e.Head.Comm,
		"user": e.user(), "session": fields{"uid": e.Session},
	}
	if e.Kind == Derived {
		p["session"] = fields{"uid": e.derivation().Within}
	}
	if e.Head.TID != 0 && e.Head.TID != e.Head.PID {
		p["tid"] = e.Head.TID
	}
	if e.Kind == Exec {
		p["cmd_line"] = strings.Join(e.Argv, " ")
		if e.Path != "" {
			p["file"] = file(e.Path)
		}
		if e.Cwd != "" {
			p["working_directory"] = e.Cwd
		}
	}
	return p
}

// reeve is what OCSF has no place for.
func (e *Event) reeve() fields {
	if e.Kind == Notice {
		s := e.said()
		return fields{"kind": e.Kind.String(), "notice": s.Name, "session": e.Session, "role": e.Role, "reason": e.Reason, "by": s.By.String()}
	}
	o := fields{
		"kind": e.Kind.String(), "session": e.Session, "agent": e.Agent, "role": e.Role, "principal": e.Principal,
		"policy": e.Head.Policy, "comm": e.Head.Comm,
	}
	for key, value := range map[string]string{
		"op": e.Op, "object": e.Object, "rule": e.Rule, "place": e.Place, "reason": e.Reason, "command": e.Command,
		"parent": e.Parent, "interpreter": e.Interpreter,
	} {
		if value != "" {
			o[key] = value
		}
	}
	switch e.Kind {
	case Access, Exec, Held, Network:
		o["action"], o["applied"], o["view"] = e.Head.Action.String(), e.Head.Applied(), e.View.String()
		if e.Head.Error != 0 {
			o["errno"] = -e.Head.Error
		}
	case SessionStart:
		o["cause"] = e.Cause.String()
	case SessionEnd:
		o["refused"], o["folded"] = e.Stopped, e.Folded
	}
	if e.Socket != nil {
		o["socket"] = e.Socket
	}
	if e.Flow != nil {
		o["network"] = e.Flow.reeve(e.Head.Op)
	}
	if e.Derivation != nil {
		o["derived"] = e.Derivation.reeve()
	}
	if e.Kind == Exec {
		o["argc"], o["argv"], o["cut"] = e.Argc, e.Argv, e.Cut
	}
	if e.Starts() && e.Path != "" {
		o["program"] = e.Path
	}
	if e.Head.Unpinned() {
		o["unpinned"] = true
	}
	if e.Head.Relieved() {
		o["relief"] = true
	}
	if e.Head.Moved() {
		o["move"] = true
	}
	if e.Head.Taints != 0 {
		o["taints"] = e.Head.Taints
	}
	return o
}

// Message says the event in one line of words.
func (e *Event) Message() string {
	switch e.Kind {
	case SessionStart:
		return fmt.Sprintf("%s began session %s", e.Agent, e.Session)
	case SessionClaim:
		return fmt.Sprintf("session %s is %s", e.Session, e.Agent)
	case SessionEnd:
		return fmt.Sprintf("session %s ended", e.Session)
	case Fork:
		return fmt.Sprintf("process %d began", e.Head.PID)
	case Exit:
		return fmt.Sprintf("process %d ended", e.Head.PID)
	case Held:
		return e.holds()
	case Derived:
		return e.runs()
	case Notice:
		return e.said().Message
	}
	verb := e.Head.Action.String()
	if e.Head.Action.Refuses() && !e.Head.Applied() {
		verb = "would " + verb
	}
	text := strings.TrimSuffix(fmt.Sprintf("%s %s %s %s", verb, e.Op, e.Object, e.Where()), " ")
	if e.Starts() && e.Path != "" {
		text += " (" + e.Path + ")"
	}
	switch {
	case !e.Head.Moved():
	case e.Head.Op == Op(bpf.OpFileRename):
		text += ", which would be less protected under its new name"
	default:
		text += ", below which names would appear that may not be written"
	}
	if e.Repeats > 0 {
		text += fmt.Sprintf(" (%d times)", 1+e.Repeats)
	}
	switch {
	case e.Head.Relieved():
		text += ": break-glass"
	case e.Reason != "":
		text += ": " + e.Reason
	}
	if why := e.Why(); why != "" && why != e.Reason {
		text += "; " + why
	}
	return text
}

// orUnknown fills a field that OCSF requires.
func orUnknown(s string) string { return orElse(s, "unknown") }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
