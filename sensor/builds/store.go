// SPDX-License-Identifier: Apache-2.0

// This file keeps what was learned on disk: whole or not at all.

package builds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/durable"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

const (
	name    = "builds.json"
	version = 1
)

// known is one build that was learned.
type known struct {
	Agent   uint32    `json:"agent"`
	Version string    `json:"version,omitempty"`
	Size    int64     `json:"size"`
	Owner   uint32    `json:"owner"`
	Head    []byte    `json:"head"`
	Learned time.Time `json:"learned"`
}

// file is what is written.
type file struct {
	Version int     `json:"version"`
	Builds  []known `json:"builds"`
}

func (n *known) build() sensor.Build {
	b := sensor.Build{Agent: n.Agent, Owner: n.Owner}
	b.Size = n.Size
	copy(b.Head[:], n.Head)
	return b
}

// same reports whether another one says nothing new.
func (n *known) same(o *known) bool {
	return n.Agent == o.Agent && n.Owner == o.Owner && n.Size == o.Size && n.Version == o.Version && bytes.Equal(n.Head, o.Head)
}

// replaced reports whether another one takes its place in the kernel's table.
func (n *known) replaced(o *known) bool {
	mine, theirs := n.build(), o.build()
	return n.Owner == o.Owner && n.Size == o.Size && mine.Entry() == theirs.Entry()
}

func key(b *inventory.Build) string { return strconv.FormatInt(b.Size, 10) + string(b.Head[:]) }

// read gives what was learned before. Where nothing was there is no file.
func read(dir string) ([]known, error) {
	if dir == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the builds of agents: %w", err)
	}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(dir, name), err)
	}
	if f.Version != version {
		return nil, fmt.Errorf("reading %s: version %d is not of this build", filepath.Join(dir, name), f.Version)
	}
	for _, n := range f.Builds {
		if len(n.Head) != bpf.BuildHead || len(f.Builds) > bpf.BuildsMax {
			return nil, fmt.Errorf("reading %s: it holds what no kernel does", filepath.Join(dir, name))
		}
	}
	return f.Builds, nil
}

func write(dir string, learned []known) error {
	if dir == "" {
		return nil
	}
	raw, err := json.Marshal(file{version, learned})
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(dir, name), append(raw, '\n'))
}
