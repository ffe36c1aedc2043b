// SPDX-License-Identifier: Apache-2.0

package stage

// What Reeve says of a session afterwards: that it has ended, and what happened in it.

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// Session is one of `reeve sessions --json`.
type Session struct {
	ID      string     `json:"id"`
	Agent   string     `json:"agent"`
	Refused int        `json:"refused"`
	Ended   *time.Time `json:"ended"`
}

// Occurrence is an event of a session, as the timeline of `reeve session show --json` has it.
type Occurrence struct {
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"`
	Op      string    `json:"op"`
	Object  string    `json:"object"`
	Action  string    `json:"action"`
	Applied bool      `json:"applied"`
	Rule    string    `json:"rule"`
	Reason  string    `json:"reason"`
}

// Refused says whether somebody did not get what he wanted.
func (o Occurrence) Refused() bool {
	return o.Applied && slices.Contains([]string{"kill", "deny", "ask"}, o.Action)
}

// Ended waits until the sessions of an agent are over, gone with their last processes, and gives them: at least one.
func (r *Reeve) Ended(ctx context.Context, agent string) ([]Session, error) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		all, err := Objects[Session](ctx, r, "sessions", "--all", "--json")
		if err != nil {
			return nil, err
		}
		found := slices.DeleteFunc(all, func(s Session) bool { return s.Agent != agent })
		if len(found) > 0 && !slices.ContainsFunc(found, func(s Session) bool { return s.Ended == nil }) {
			return found, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("sessions of %s: %+v, want some, and all ended\n%s", agent, found, r.running(ctx, found))
		}
	}
}

// running is what keeps sessions from ending, as they show themselves.
func (r *Reeve) running(ctx context.Context, sessions []Session) (text string) {
	for _, s := range sessions {
		if s.Ended == nil {
			shown, err := r.Output(ctx, "session", "show", s.ID)
			text += fmt.Sprintln(shown, err)
		}
	}
	processes, err := exec.CommandContext(ctx, "ps", "-ef").Output()
	return text + fmt.Sprintln(string(processes), err)
}

// Timeline is what happened in a session.
func (r *Reeve) Timeline(ctx context.Context, session string) ([]Occurrence, error) {
	shown, err := Objects[struct {
		Timeline []Occurrence `json:"timeline"`
	}](ctx, r, "session", "show", "--json", session)
	if err != nil || len(shown) != 1 {
		return nil, errors.Join(err, fmt.Errorf("reeve session show --json: %d objects", len(shown)))
	}
	return shown[0].Timeline, nil
}
