// SPDX-License-Identifier: Apache-2.0

// This file names the person behind a call, for what is recorded of it.

package api

import (
	"context"

	"github.com/reeve-sensor/reeve/sensor/event"
)

type actorKey struct{}

// ActorOf is who asks, or nil where the daemon acts by itself.
func ActorOf(ctx context.Context) *event.Actor {
	a, _ := ctx.Value(actorKey{}).(*event.Actor)
	return a
}

// WithActor says who asks.
func WithActor(ctx context.Context, a event.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, &a)
}

func (s *server) withActor(ctx context.Context) context.Context { return WithActor(ctx, s.actor(ctx)) }

// actor is the caller by its uid, and by its login where that is another: root is nobody in particular.
func (s *server) actor(ctx context.Context) event.Actor {
	c := callerOf(ctx)
	a := event.Actor{UID: c.UID, User: s.Table.User(c.UID)}
	if login, err := s.Kernel.Owner(c.PID); err == nil && login != c.UID {
		a.Login = s.Table.User(login)
	}
	return a
}
