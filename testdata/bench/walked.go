// SPDX-License-Identifier: Apache-2.0

// Where the verifier's way through a program goes: how often it walks each line of its source, by its own log. What is walked
// often is a loop that is unrolled, a function that is walked anew for each of its calls, or states that are never alike.

package bench

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

const (
	walkedAll   = "all"   // programs: how much of each, and no lines
	walkedLines = 40      // of a program that are printed
	walkedLog   = 1 << 29 // bytes of a log, of which a line for each instruction takes hundreds
)

// Walked prints the sums of all programs, or of those that are named the functions and lines that the verifier walked most.
func Walked(w io.Writer, plan Plan, names []string) error {
	if slices.Equal(names, []string{walkedAll}) {
		return walkedSums(w, plan)
	}
	for _, name := range names {
		p, log, err := walkedLoad(plan, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", name)
		walk(p.Instructions, log).write(w)
	}
	return nil
}

func walkedSums(w io.Writer, plan Plan) error {
	k, err := sensor.Load(sensor.Options{TableSize: plan.TableSize, Form: plan.form()})
	if err != nil {
		return err
	}
	counts, err := k.Verified()
	sum := uint32(0)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "%9d  %s\n", counts[name], name)
		sum += counts[name]
	}
	fmt.Fprintf(w, "%9d  in all\n", sum)
	return errors.Join(err, k.Close())
}

// walkedLoad loads one program for its log.
func walkedLoad(plan Plan, name string) (*ebpf.ProgramSpec, string, error) {
	spec, err := bpf.Spec(plan.TableSize, plan.form(), 1)
	if err != nil {
		return nil, "", err
	}
	p := spec.Programs[name]
	if p == nil {
		return nil, "", fmt.Errorf("%s: no program of the form %s", name, plan.form())
	}
	spec.Programs = map[string]*ebpf.ProgramSpec{name: p}
	c, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		Programs: ebpf.ProgramOptions{LogLevel: ebpf.LogLevelInstruction, LogSizeStart: walkedLog}})
	if err != nil {
		return nil, "", fmt.Errorf("loading %s: %w", name, err)
	}
	defer c.Close()
	return p, c.Programs[name].VerifierLog, nil
}

// spot is a line of the source, within the function that it was made a part of.
type spot struct {
	function, file string
	line           uint32
	text           string
}

// walks counts instructions that were walked.
type walks map[spot]int

// walk counts a log's lines that tell of an instruction: its number, a colon, its code in brackets. kernel: kernel/bpf/disasm.c.
func walk(program asm.Instructions, log string) walks {
	places, counts := placesOf(program), make(walks)
	lines := bufio.NewScanner(strings.NewReader(log))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		number, code, _ := strings.Cut(lines.Text(), ": ")
		at, err := strconv.Atoi(number)
		if err == nil && strings.HasPrefix(code, "(") {
			counts[places[asm.RawInstructionOffset(at)]]++
		}
	}
	return counts
}

func placesOf(program asm.Instructions) map[asm.RawInstructionOffset]spot {
	places, now := make(map[asm.RawInstructionOffset]spot), spot{}
	for i := program.Iterate(); i.Next(); {
		if s := i.Ins.Symbol(); s != "" {
			now.function = s
		}
		if line, ok := i.Ins.Source().(*btf.Line); ok {
			now.file, now.line, now.text = path.Base(line.FileName()), line.LineNumber(), strings.TrimSpace(line.Line())
		}
		places[i.Offset] = now
	}
	return places
}

// most are those that were walked most, at most n, and how often all were.
func (w walks) most(n int) (most []spot, all int) {
	most = slices.SortedFunc(maps.Keys(w), func(a, b spot) int {
		return cmp.Or(cmp.Compare(w[b], w[a]), cmp.Compare(a.function, b.function), cmp.Compare(a.line, b.line))
	})
	for _, count := range w {
		all += count
	}
	return most[:min(n, len(most))], all
}

func (w walks) write(out io.Writer) {
	functions := make(walks)
	for at, count := range w {
		functions[spot{function: at.function}] += count
	}
	most, all := functions.most(len(functions))
	for _, f := range most {
		fmt.Fprintf(out, "%9d  %s\n", functions[f], f.function)
	}
	fmt.Fprintf(out, "%9d  in all; lines:\n", all)
	most, _ = w.most(walkedLines)
	for _, at := range most {
		fmt.Fprintf(out, "%9d  %-20s %s:%d: %s\n", w[at], at.function, at.file, at.line, at.text)
	}
}
