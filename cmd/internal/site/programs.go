// SPDX-License-Identifier: Apache-2.0

// This file finds the programs that commands lead to, and says whether what one runs is what a policy declares.

package site

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// Programs finds programs, and remembers sums of files for as long as these do not change. The zero value is ready; one goroutine uses it.
type Programs struct {
	Avoid []string         // mounts that may not answer
	Now   func() time.Time // nil is time.Now

	sums    map[bpf.Start]string // by file system, inode, size and time of change
	folders map[string][]string  // by home; for as long as one question lasts
	found   map[string][]string
}

// afresh forgets what is where: another question begins.
func (p *Programs) afresh() { p.folders, p.found = map[string][]string{}, map[string][]string{} }

// sumMax bounds what is summed: a program of more is not known by its content.
const sumMax = 1 << 30

// Find lists the files that a program's name may lead to for somebody with that home, symbolic links followed, as the kernel names
// them. A relative one counts from folder.
func (p *Programs) Find(name, home, folder string) []string {
	asked := name + "\x00" + home
	if strings.Contains(name, "/") {
		asked += "\x00" + folder
	}
	found, known := p.found[asked]
	if !known {
		found = p.find(name, home, folder)
		p.found[asked] = found
	}
	return found
}

func (p *Programs) find(name, home, folder string) []string {
	var tries []string
	switch {
	case filepath.IsAbs(name):
		tries = []string{name}
	case strings.Contains(name, "/"):
		tries = []string{filepath.Join(folder, name)}
	default:
		if _, known := p.folders[home]; !known {
			p.folders[home] = folders(home)
		}
		for _, dir := range p.folders[home] {
			tries = append(tries, filepath.Join(dir, name))
		}
	}
	var out []string
	for _, try := range tries {
		if p.avoided(try) {
			continue
		}
		file, err := filepath.EvalSymlinks(try)
		if err != nil || p.avoided(file) || slices.Contains(out, file) {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			out = append(out, file)
		}
	}
	return out
}

func (p *Programs) avoided(file string) bool {
	return slices.ContainsFunc(p.Avoid, func(mount string) bool { return file == mount || strings.HasPrefix(file, mount+"/") })
}

// holds reports whether a command's content is what is declared: that of its program, or of the script that it is given.
func (p *Programs) holds(program string, args []string, sum string) bool {
	_, is := p.sum(program)
	return is == sum || p.script(args, sum) != ""
}

// script is the argument that names a file of that content; "" for none.
func (p *Programs) script(args []string, sum string) string {
	for _, arg := range args {
		if filepath.IsAbs(arg) && !p.avoided(arg) {
			if _, is := p.sum(arg); is == sum {
				return arg
			}
		}
	}
	return ""
}

// pinned tells how the kernel recognises a command's program as long as what it runs is the declared content. That can be said of a
// program which is that content itself: any change of it is seen at its exec. Of what a program reads later, a script or its own
// interpreter, it can be said only where nobody but root may change it.
func (p *Programs) pinned(program string, args []string, sum string) (stamp bpf.Start, ok bool) {
	stamp, is := p.sum(program)
	if is == "" || !p.settled(stamp) {
		return stamp, false
	}
	if is == sum {
		interpreter, script := interpreterOf(program)
		return stamp, !script || rootAlone(program) && interpreter != "" && rootAlone(interpreter)
	}
	given := p.script(args, sum)
	return stamp, given != "" && rootAlone(given) && rootAlone(program)
}

// settledAfter is how old a change must be to be told from the next one: kernels before 6.13 count time in jiffies here.
const settledAfter = 2 * time.Second

// settled reports whether the next change of a file will be seen.
func (p *Programs) settled(stamp bpf.Start) bool {
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	return now().Sub(time.Unix(stamp.Changed, int64(stamp.ChangedNs))) >= settledAfter
}

// sum is a file's SHA-256, and how it is recognised; "" where it cannot be read, or changed meanwhile.
func (p *Programs) sum(file string) (bpf.Start, string) {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return bpf.Start{}, ""
	}
	defer f.Close()
	stamp, err := sensor.Stamp(f)
	if err != nil || stamp.Size > sumMax {
		return stamp, ""
	}
	if known := p.sums[stamp]; known != "" {
		return stamp, known
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return stamp, ""
	}
	if after, err := sensor.Stamp(f); err != nil || after != stamp {
		return after, ""
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if p.sums == nil || len(p.sums) >= sumsMax {
		p.sums = map[bpf.Start]string{}
	}
	p.sums[stamp] = sum
	return stamp, sum
}

const sumsMax = 4096

// interpreterOf is what `#!` names; "" where that is looked for by a variable of the environment, or is no absolute path.
func interpreterOf(file string) (interpreter string, script bool) {
	f, err := os.Open(file)
	if err != nil {
		return "", true
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 256)).ReadString('\n')
	rest, script := strings.CutPrefix(line, "#!")
	words := strings.Fields(rest)
	if len(words) == 0 || !filepath.IsAbs(words[0]) || filepath.Base(words[0]) == "env" {
		return "", script
	}
	return words[0], script
}

// rootAlone reports whether nobody but root can change what a path leads to: neither the file, nor a folder or link on the way.
func rootAlone(file string) bool {
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return false
	}
	for at := file; ; at = filepath.Dir(at) {
		var st unix.Stat_t
		if err := unix.Lstat(at, &st); err != nil || st.Uid != 0 || st.Mode&0o022 != 0 && (st.Mode&unix.S_ISVTX == 0 || at == file) {
			return false
		}
		if at == "/" {
			return true
		}
	}
}
