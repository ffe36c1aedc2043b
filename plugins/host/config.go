// SPDX-License-Identifier: Apache-2.0

// This file is what a host is told to run.

package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// Choice is which events a plugin exports.
type Choice string

// The choices. What a rule sends to the plugin by name goes there in each of them.
const (
	Notable Choice = "notable" // verdicts, sessions, notices
	All     Choice = "all"     // and what was allowed
	Chosen  Choice = "chosen"  // nothing else
)

// Spec is one plugin.
type Spec struct {
	Name     string
	Path     string // "": found in the folders by its name
	SHA256   string // "": what is found at the first start holds until the host ends
	User     string // name or number; "" is reeve-NAME
	Events   Choice
	Timeout  time.Duration     // of a call
	Memory   int64             // bytes
	Acts     []string          // what it may ask for beside what a rule named
	Settings map[string]any    // text, int64, bool, list of texts
	Secrets  map[string]string // setting to the file that its value is in
}

// Act is what a plugin asks the host to do about a session.
type Act struct {
	Plugin  string
	Action  string
	Reason  string
	Session uint64
	Event   api.Event // that the rule was about
}

// Notice is something that an administrator should know: a plugin that does not run, exports that wait or are lost, a
// response that did not happen.
type Notice struct {
	Name     string // of the constants below
	Plugin   string
	Message  string
	Session  uint64
	Severity string
}

// The names of notices.
const (
	NoticeDown   = "plugin.down"
	NoticeUp     = "plugin.up"
	NoticeLost   = "plugin.lost"
	NoticeFailed = "plugin.failed" // a response
)

// Options are what a host is made of.
type Options struct {
	Folders    []string // where plugins are installed
	Run        string   // folder of sockets
	State      string   // folder of queues
	QueueBytes int64    // of each plugin
	Plugins    []Spec
	Host       api.Host
	Log        *slog.Logger
	Act        func(context.Context, Act) (processes int, err error)
	Tell       func(Notice)
	Answers    func(plugin string, actions []string) // told when a plugin says what it answers to, and it is news; may be nil
	Clock      Clock                                 // nil is the machine's
	Patience   time.Duration                         // with a plugin that starts, and half of it with one that is asked how it is; 0 is 10 s
}

// Clock is how the host waits.
type Clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

type machineClock struct{}

func (machineClock) Now() time.Time                         { return time.Now() }
func (machineClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
