// SPDX-License-Identifier: Apache-2.0

// This file is what an author fills in.

package api

import (
	"context"
	"time"
)

// Kinds of settings.
const (
	Text   = "text"
	Number = "number"
	Flag   = "flag"
	List   = "list"
)

// Setting is one key of a plugin's configuration.
type Setting struct {
	Key      string
	Kind     string // Text, Number, Flag or List
	Required bool
	Secret   bool // comes from a file that nobody else may read
	About    string
}

// Action is what a rule may ask for: respond = ["NAME:ACTION"], or respond = ["NAME"] where Name is "".
type Action struct {
	Name  string
	About string
	// Do carries it out. An error is told to the administrator, and the host tries again a few times.
	Do func(context.Context, Event, Session) error
}

// Plugin says what a plugin is and does. Parts that it does not have are left out.
type Plugin struct {
	Name     string
	Version  string
	About    string // one line
	Settings []Setting

	// Configure takes the settings in. It runs once, before all others, and should not wait for a back end: one that is down
	// is a matter of Export.
	Configure func(context.Context, Values) error
	// Export hands events over to where they go. Without an error they are gone from the host's queue. Refused ones, which the
	// back end will never take, are returned by their IDs.
	Export func(context.Context, []Event) (refused []string, err error)
	// Health says what is wrong, nil where nothing is.
	Health  func(context.Context) error
	Actions []Action
}

// Event is one thing that happened.
type Event struct {
	ID       string // the same whenever the event is sent again
	Time     time.Time
	Kind     string
	Severity string // info, low, medium, high, critical
	Session  string
	Agent    string
	User     string
	Action   string // kill, deny, ask, audit, allow; "" where policy was not asked
	Applied  bool   // the action was carried out
	Op       string
	Object   string
	Rule     string
	Reason   string
	Message  string // one line for people
	OCSF     []byte // all of it, as JSON
}

// Session is the session that an event is about, as far as the host lets a plugin reach it.
type Session interface {
	// Act asks for kill, freeze, isolate, deny or thaw, and returns how many processes it reached.
	Act(ctx context.Context, action, reason string) (processes int, err error)
}

// Host is where a plugin runs.
type Host struct {
	Name    string // of the machine
	Version string // of Reeve
}

// Values are the settings of a plugin, by key. A key that is not set has the zero value of its kind.
type Values struct {
	Host   Host
	values map[string]any
}

// ValuesOf makes values for an author's tests: string, int64, bool and []string by their keys.
func ValuesOf(values map[string]any) Values { return Values{values: values} }

// Text is a setting of kind Text, or other where it is not set.
func (v Values) Text(key, other string) string {
	if s, ok := v.values[key].(string); ok {
		return s
	}
	return other
}

// Number is a setting of kind Number, or other where it is not set.
func (v Values) Number(key string, other int64) int64 {
	if n, ok := v.values[key].(int64); ok {
		return n
	}
	return other
}

// Flag is a setting of kind Flag, or other where it is not set.
func (v Values) Flag(key string, other bool) bool {
	if b, ok := v.values[key].(bool); ok {
		return b
	}
	return other
}

// List is a setting of kind List, or nil.
func (v Values) List(key string) []string {
	list, _ := v.values[key].([]string)
	return list
}
