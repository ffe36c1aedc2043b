// SPDX-License-Identifier: Apache-2.0

// This file holds settings against what a plugin says it knows, and reads those that are secret.

package host

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/reeve-sensor/reeve/plugins/api"
	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
)

// ErrSettings says that a plugin cannot run with its settings: trying again does not help.
var ErrSettings = errors.New("settings")

// kindOf is the kind that a value has.
func kindOf(v *pb.Value) string {
	switch v.GetOf().(type) {
	case *pb.Value_Text:
		return api.Text
	case *pb.Value_Number:
		return api.Number
	case *pb.Value_Flag:
		return api.Flag
	}
	return api.List
}

// settings are the values that a plugin gets. The error is everything that is wrong.
func settings(s *Spec, known []*pb.Setting) (map[string]*pb.Value, error) {
	out := map[string]*pb.Value{}
	var wrong []error
	add := func(key string, secret bool, v *pb.Value) {
		if err := fits(key, secret, v, known); err != nil {
			wrong = append(wrong, err)
			return
		}
		out[key] = v
	}
	for _, key := range slices.Sorted(maps.Keys(s.Settings)) {
		add(key, false, api.ValueOf(s.Settings[key]))
	}
	for _, key := range slices.Sorted(maps.Keys(s.Secrets)) {
		text, err := secret(s.Secrets[key])
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		add(key, true, api.ValueOf(text))
	}
	for _, k := range known {
		_, given := s.Secrets[k.Key]
		if out[k.Key] == nil && k.Required && !given && s.Settings[k.Key] == nil {
			wrong = append(wrong, fmt.Errorf("%s is missing: %s", k.Key, oneLine(k.About)))
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrSettings, strings.ReplaceAll(errors.Join(wrong...).Error(), "\n", "; "))
	}
	return out, nil
}

func fits(key string, isSecret bool, v *pb.Value, known []*pb.Setting) error {
	i := slices.IndexFunc(known, func(k *pb.Setting) bool { return k.Key == key })
	switch {
	case i < 0 && len(known) == 0:
		return fmt.Errorf("%s is unknown, there are none", key)
	case i < 0:
		var names []string
		for _, k := range known {
			names = append(names, oneLine(k.Key))
		}
		return fmt.Errorf("%s is unknown, there are %s", key, strings.Join(names, ", "))
	case v == nil || kindOf(v) != known[i].Kind:
		return fmt.Errorf("%s is not a %s", key, known[i].Kind)
	case known[i].Secret && !isSecret:
		return fmt.Errorf("%s is secret: name a file under secrets", key)
	}
	return nil
}

// secretMax bounds a secret.
const secretMax = 64 << 10

// secret reads a file that nobody but its owner may read. The newline that editors leave at its end is not part of it.
func secret(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	switch {
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("others may read the secret %s: chmod 600", name)
	case owner != 0 && int(owner) != os.Geteuid():
		return "", fmt.Errorf("the secret %s is not root's", name)
	case info.Size() > secretMax:
		return "", fmt.Errorf("the secret %s is larger than %d KB", name, secretMax>>10)
	}
	raw := make([]byte, info.Size())
	n, err := f.Read(raw)
	if err != nil && info.Size() > 0 {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	return strings.TrimRight(string(raw[:n]), "\r\n"), nil
}
