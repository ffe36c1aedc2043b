// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"fmt"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// session stands for what the host gives an action.
type session struct{}

func (session) Act(_ context.Context, action, reason string) (int, error) {
	fmt.Println("asked for", action, "since", reason)
	return 3, nil
}

func deliver(_ context.Context, url string, events []api.Event) error {
	fmt.Println(len(events), "events to", url)
	return nil
}

func stopAndPage(ctx context.Context, e api.Event, s api.Session) error {
	n, err := s.Act(ctx, "freeze", e.Rule)
	if err != nil {
		return fmt.Errorf("stopping %s: %w", e.Session, err)
	}
	fmt.Println(n, "processes stopped")
	return nil
}

// The example of plugins/README.md.
func Example() {
	var url string
	p := api.Plugin{
		Name: "pager", Version: "1", About: "pages whoever is on call",
		Settings: []api.Setting{
			{Key: "url", Kind: api.Text, Required: true, About: "of the pager service"},
			{Key: "token", Kind: api.Text, Secret: true, About: "for it"},
		},
		Configure: func(_ context.Context, v api.Values) error {
			url = v.Text("url", "")
			return nil
		},
		Export: func(ctx context.Context, events []api.Event) (refused []string, err error) {
			return nil, deliver(ctx, url, events)
		},
		Actions: []api.Action{{Name: "freeze", About: "stops the session and pages", Do: stopAndPage}},
	}
	ctx := context.Background()
	fmt.Println(p.Configure(ctx, api.ValuesOf(map[string]any{"url": "https://pager"})))
	fmt.Println(p.Export(ctx, []api.Event{{ID: "1"}}))
	fmt.Println(p.Actions[0].Do(ctx, api.Event{Rule: "secrets"}, session{}))
	// Output:
	// <nil>
	// 1 events to https://pager
	// [] <nil>
	// asked for freeze since secrets
	// 3 processes stopped
	// <nil>
}
