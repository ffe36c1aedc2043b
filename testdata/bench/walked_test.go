// SPDX-License-Identifier: Apache-2.0

package bench

// The verifier's log is read as it is: recorded pieces of one, and what is counted in them.

import (
	"maps"
	"strings"
	"testing"

	"github.com/cilium/ebpf/asm"
)

// A wide load takes two numbers, so what follows it is known by the number behind them.
var walkedProgram = asm.Instructions{
	asm.LoadImm(asm.R1, 1<<40, asm.DWord).WithSymbol("first"),
	asm.FnGetPrandomU32.Call(),
	asm.Return(),
	asm.Mov.Imm(asm.R0, 0).WithSymbol("second"),
	asm.Return(),
}

// The last one is cut where the kernel's room for its log ended.
const walkedText = `func#0 @0
0: R1=ctx() R10=fp0
; return second(); @ x.h:7
0: (18) r1 = 0x10000000000            ; R1=0x10000000000
2: (85) call bpf_get_prandom_u32#7    ; R0=scalar()
from 2 to 4: frame1: R0=scalar()
4: (b7) r0 = 0                        ; frame1: R0=0
5: (95) exit
mark_precise: frame0: last_idx 4 first_idx 0 subseq_idx -1
4: (b7) r0 = 0                        ; frame1: R0=0
5: safe
3: (95) exit
processed 6 insns (limit 1000000)
4: (b7`

func TestWalkCountsInstructions(t *testing.T) {
	w := walk(walkedProgram, walkedText)
	want := walks{{function: "first"}: 3, {function: "second"}: 4}
	if !maps.Equal(w, want) {
		t.Errorf("%v, want %v", w, want)
	}
	var out strings.Builder
	w.write(&out)
	if lines := strings.Split(out.String(), "\n"); !strings.HasSuffix(lines[0], "4  second") || !strings.Contains(lines[2], "7  in all") {
		t.Errorf("printed %q", out.String())
	}
}
