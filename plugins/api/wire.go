// SPDX-License-Identifier: Apache-2.0

// This file is what both sides must agree on before they speak, and how their types become messages and back.

package api

import (
	"strings"
	"time"

	goplugin "github.com/hashicorp/go-plugin"

	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
)

// Version is the version of the contract.
const Version = 1

// Service is the name under which a plugin is dispensed.
const Service = "plugin"

// Handshake tells a plugin that the host started it, and the host that it started a plugin. It keeps nobody out: that is for
// users, checksums and certificates.
var Handshake = goplugin.HandshakeConfig{
	ProtocolVersion: Version, MagicCookieKey: "REEVE_PLUGIN", MagicCookieValue: "reeve.plugin.v1",
}

// Wire is an event as it is sent. Names of files are any bytes, texts of messages are not: an odd byte must not keep an event
// from being sent.
func (e *Event) Wire() *pb.Event {
	m := &pb.Event{TimeUs: e.Time.UnixMicro(), Applied: e.Applied, Ocsf: e.OCSF}
	for _, f := range []struct {
		to   *string
		text string
	}{
		{&m.Id, e.ID}, {&m.Kind, e.Kind}, {&m.Severity, e.Severity}, {&m.Session, e.Session}, {&m.Agent, e.Agent}, {&m.User, e.User},
		{&m.Action, e.Action}, {&m.Op, e.Op}, {&m.Object, e.Object}, {&m.Rule, e.Rule}, {&m.Reason, e.Reason}, {&m.Message, e.Message},
	} {
		*f.to = strings.ToValidUTF8(f.text, "\ufffd")
	}
	return m
}

func eventOf(m *pb.Event) Event {
	return Event{
		ID: m.GetId(), Time: time.UnixMicro(m.GetTimeUs()).UTC(), Kind: m.GetKind(), Severity: m.GetSeverity(), Session: m.GetSession(),
		Agent: m.GetAgent(), User: m.GetUser(), Action: m.GetAction(), Applied: m.GetApplied(), Op: m.GetOp(), Object: m.GetObject(),
		Rule: m.GetRule(), Reason: m.GetReason(), Message: m.GetMessage(), OCSF: m.GetOcsf(),
	}
}

// ValueOf is a setting as it is sent: a string, an int64, a bool or a list of strings. Anything else is nil.
func ValueOf(v any) *pb.Value {
	switch v := v.(type) {
	case string:
		return &pb.Value{Of: &pb.Value_Text{Text: v}}
	case int64:
		return &pb.Value{Of: &pb.Value_Number{Number: v}}
	case bool:
		return &pb.Value{Of: &pb.Value_Flag{Flag: v}}
	case []string:
		return &pb.Value{Of: &pb.Value_List{List: &pb.List{Items: v}}}
	}
	return nil
}

func valuesOf(r *pb.ConfigureRequest) Values {
	v := Values{Host: Host{Name: r.Host, Version: r.Version}, values: map[string]any{}}
	for key, m := range r.Settings {
		switch of := m.Of.(type) {
		case *pb.Value_Text:
			v.values[key] = of.Text
		case *pb.Value_Number:
			v.values[key] = of.Number
		case *pb.Value_Flag:
			v.values[key] = of.Flag
		case *pb.Value_List:
			v.values[key] = of.List.GetItems()
		}
	}
	return v
}

func (p *Plugin) description() *pb.Description {
	d := &pb.Description{Name: p.Name, Version: p.Version, About: p.About, Exports: p.Export != nil}
	for _, a := range p.Actions {
		d.Actions = append(d.Actions, &pb.Action{Name: a.Name, About: a.About})
	}
	for _, s := range p.Settings {
		d.Settings = append(d.Settings, &pb.Setting{Key: s.Key, Kind: s.Kind, Required: s.Required, Secret: s.Secret, About: s.About})
	}
	return d
}
