// SPDX-License-Identifier: Apache-2.0

// This file is the plugin's side: it serves what an author wrote, and tells who starts a plugin by hand what it is.

package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
)

// Main serves a plugin until the host ends it. It does not return.
func Main(p Plugin) {
	if os.Getenv(Handshake.MagicCookieKey) != Handshake.MagicCookieValue {
		introduce(os.Stdout, &p)
		os.Exit(2)
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: map[int]goplugin.PluginSet{Version: {Service: &served{plugin: &p}}},
		GRPCServer:       goplugin.DefaultGRPCServer,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr}),
	})
	os.Exit(0)
}

// introduce says what a plugin is to people who run it.
func introduce(w io.Writer, p *Plugin) {
	fmt.Fprintf(w, "%s %s: %s\nreeved starts it, where reeve.toml says [[plugin]] name = %q.\n", p.Name, p.Version, p.About, p.Name)
	for _, a := range p.Actions {
		name := p.Name + ":" + a.Name
		if a.Name == "" {
			name = p.Name
		}
		fmt.Fprintf(w, "  respond = [%q]  %s\n", name, a.About)
	}
	for _, s := range p.Settings {
		need := s.Kind
		if s.Required {
			need += ", required"
		}
		if s.Secret {
			need += ", secret"
		}
		fmt.Fprintf(w, "  %-12s %s (%s)\n", s.Key, s.About, need)
	}
}

// served fits a plugin to go-plugin.
type served struct {
	goplugin.NetRPCUnsupportedPlugin
	plugin *Plugin
}

func (s *served) GRPCServer(_ *goplugin.GRPCBroker, g *grpc.Server) error {
	pb.RegisterPluginServer(g, &server{plugin: s.plugin})
	return nil
}

func (s *served) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plugin is not a host")
}

// server answers the host.
type server struct {
	pb.UnimplementedPluginServer
	plugin *Plugin

	mu         sync.Mutex
	configured bool
}

func (s *server) Describe(context.Context, *pb.DescribeRequest) (*pb.Description, error) {
	return s.plugin.description(), nil
}

func (s *server) Configure(ctx context.Context, r *pb.ConfigureRequest) (*pb.ConfigureReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.configured {
		return nil, status.Error(codes.FailedPrecondition, "configured already")
	}
	if s.plugin.Configure != nil {
		ctx, cancel := inTime(ctx)
		defer cancel()
		if err := s.plugin.Configure(ctx, valuesOf(r)); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
	}
	s.configured = true
	return &pb.ConfigureReply{}, nil
}

func (s *server) Health(ctx context.Context, _ *pb.HealthRequest) (*pb.HealthReply, error) {
	if s.plugin.Health == nil {
		return &pb.HealthReply{}, nil
	}
	ctx, cancel := inTime(ctx)
	defer cancel()
	if err := s.plugin.Health(ctx); err != nil {
		return &pb.HealthReply{Problem: err.Error()}, nil
	}
	return &pb.HealthReply{}, nil
}

func (s *server) Export(ctx context.Context, r *pb.ExportRequest) (*pb.ExportReply, error) {
	if s.plugin.Export == nil {
		return nil, status.Error(codes.Unimplemented, "nothing is exported")
	}
	events := make([]Event, 0, len(r.Events))
	for _, m := range r.Events {
		events = append(events, eventOf(m))
	}
	ctx, cancel := inTime(ctx)
	defer cancel()
	refused, err := s.plugin.Export(ctx, events)
	if err != nil {
		return nil, status.Error(codes.Aborted, err.Error()) // no trouble of the line has this code
	}
	return &pb.ExportReply{Refused: refused}, nil
}

func (s *server) Respond(stream pb.Plugin_RespondServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	order := first.GetOrder()
	i := slices.IndexFunc(s.plugin.Actions, func(a Action) bool { return a.Name == order.GetAction() })
	if i < 0 {
		return status.Errorf(codes.NotFound, "no action %q", order.GetAction())
	}
	ctx, cancel := inTime(stream.Context())
	defer cancel()
	done := &pb.Done{}
	if err := s.plugin.Actions[i].Do(ctx, eventOf(order.GetEvent()), &asked{stream: stream}); err != nil {
		done.Problem = err.Error()
	}
	return stream.Send(&pb.FromPlugin{Of: &pb.FromPlugin_Done{Done: done}})
}

// asked is the session that an order is about, at the other end of the stream.
type asked struct {
	mu     sync.Mutex
	stream pb.Plugin_RespondServer
}

func (a *asked) Act(_ context.Context, action, reason string) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.stream.Send(&pb.FromPlugin{Of: &pb.FromPlugin_Act{Act: &pb.Act{Action: action, Reason: reason}}}); err != nil {
		return 0, fmt.Errorf("asking the host: %w", err)
	}
	reply, err := a.stream.Recv()
	if err != nil {
		return 0, fmt.Errorf("asking the host: %w", err)
	}
	acted := reply.GetActed()
	if acted.GetProblem() != "" {
		return int(acted.GetProcesses()), errors.New(acted.GetProblem())
	}
	return int(acted.GetProcesses()), nil
}

// inTime leaves a tenth of the host's deadline for the answer: who gives up in time is not taken for one that hangs.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/10))
}
