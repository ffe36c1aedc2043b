// SPDX-License-Identifier: Apache-2.0

// This file is the three sockets: where they are, who may open them, and which calls each answers.

package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// Door is one of the sockets.
type Door int

// The doors.
const (
	Admin Door = iota
	Own
	Inside
)

// Sockets are the doors' names in the run folder.
var Sockets = [...]string{Admin: "admin.sock", Own: "reeve.sock", Inside: "session.sock"}

var modes = [...]fs.FileMode{Admin: 0o660, Own: 0o666, Inside: 0o666}

// answers is which doors answer a call.
var answers = map[string][]Door{
	"Status": {Admin, Own}, "Sessions": {Admin, Own}, "Session": {Admin, Own}, "Contain": {Admin, Own},
	"Events": {Admin, Own}, "Adopt": {Admin, Own}, "Run": {Admin, Own},
	"PolicyApply": {Admin}, "PolicyConfirm": {Admin}, "BreakGlass": {Admin}, "PolicyShow": {Admin, Own}, "Why": {Admin, Own, Inside},
	"Inventory": {Admin, Own}, "Approve": {Admin},
}

// admit says whether a caller may make a call at a door. Processes of sessions have one door, whoever runs them, and one
// that became a session's after it connected is a process of it.
func (d Door) admit(c *Caller, method string) error {
	if d != Inside {
		if id, err := c.now(); err != nil || id != 0 {
			return status.Error(codes.PermissionDenied, "processes of a session may only ask why")
		}
	}
	if slices.Contains(answers[path.Base(method)], d) {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "%s is for administrators", path.Base(method))
}

// Serve listens at the three doors under dir and answers until ctx ends. gid owns admin.sock.
func Serve(ctx context.Context, dir string, gid int, b Backend, member Member) error {
	l, err := Listen(dir, gid)
	if err != nil {
		return err
	}
	return l.Serve(ctx, b, member)
}

// Listeners are the doors, open: who calls waits until they are served.
type Listeners []net.Listener

// Listen opens the three doors under dir. gid owns admin.sock.
func Listen(dir string, gid int) (Listeners, error) {
	var all Listeners
	for d := range Door(len(Sockets)) {
		l, err := listen(filepath.Join(dir, Sockets[d]), modes[d], gid)
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		all = append(all, l)
	}
	return all, nil
}

// Close closes doors that are not served.
func (all Listeners) Close() error {
	var errs []error
	for _, l := range all {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Serve answers until ctx ends.
func (all Listeners) Serve(ctx context.Context, b Backend, member Member) error {
	var servers []*grpc.Server
	errs := make(chan error, len(all))
	for d, l := range all {
		s := Door(d).server(b, member)
		servers = append(servers, s)
		go func() { errs <- s.Serve(l) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
	}
	for _, s := range servers {
		s.Stop()
	}
	return err
}

func (d Door) server(b Backend, member Member) *grpc.Server {
	s := grpc.NewServer(
		grpc.Creds(peerCredentials{member}),
		grpc.MaxConcurrentStreams(64),
		grpc.ConnectionTimeout(5*time.Second),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := d.admit(callerOf(ctx), info.FullMethod); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := d.admit(callerOf(ss.Context()), info.FullMethod); err != nil {
				return err
			}
			return next(srv, ss)
		}),
	)
	pb.RegisterReeveServer(s, &server{Backend: b, door: d, limits: newLimits(time.Now)})
	return s
}

// listen makes a socket that nobody can open before its mode is right.
func listen(name string, mode fs.FileMode, gid int) (net.Listener, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the old socket: %w", err)
	}
	fresh := name + ".new"
	_ = os.Remove(fresh)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	l.SetUnlinkOnClose(false)
	if gid < 0 || mode != modes[Admin] {
		gid = os.Getgid()
	}
	err = errors.Join(os.Chown(fresh, os.Getuid(), gid), os.Chmod(fresh, mode), os.Rename(fresh, name))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", name, err), l.Close())
	}
	return l, nil
}
