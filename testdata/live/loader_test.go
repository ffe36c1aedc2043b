// SPDX-License-Identifier: Apache-2.0

package live

// Who acts, once what the session wrote was mapped: a program that ld.so was given is what runs, a library is what somebody reads.

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/testdata/live/actor"
)

// loads maps a file as code and becomes busybox's true: open(library, O_RDONLY); mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, it, 0);
// execve(shell, {name}, {}); exit(errno).
func loads(library string) []byte {
	code := []byte{
		0x48, 0x8d, 0x3d, 0, 0, 0, 0, // lea rdi, [library]
		0x31, 0xf6, // xor esi, esi
		0xb8, 2, 0, 0, 0, 0x0f, 0x05, // mov eax, 2; syscall
		0x41, 0x89, 0xc0, // mov r8d, eax
		0x31, 0xff, // xor edi, edi
		0xbe, 0, 0x10, 0, 0, // mov esi, 4096
		0xba, 5, 0, 0, 0, // mov edx, 5
		0x41, 0xba, 2, 0, 0, 0, // mov r10d, 2
		0x45, 0x31, 0xc9, // xor r9d, r9d
		0xb8, 9, 0, 0, 0, 0x0f, 0x05, // mov eax, 9; syscall
		0x48, 0x8d, 0x3d, 0, 0, 0, 0, // lea rdi, [shell]
		0x48, 0x8d, 0x05, 0, 0, 0, 0, // lea rax, [name]
		0x6a, 0, // push 0
		0x48, 0x89, 0xe2, // mov rdx, rsp
		0x50,             // push rax
		0x48, 0x89, 0xe6, // mov rsi, rsp
		0xb8, 59, 0, 0, 0, 0x0f, 0x05, // mov eax, 59; syscall
		0x89, 0xc7, // mov edi, eax
		0xf7, 0xdf, // neg edi
		0xb8, 231, 0, 0, 0, 0x0f, 0x05, // mov eax, 231; syscall
	}
	for at, text := range map[int]string{3: library, 50: "/bin/busybox", 57: "true"} {
		code[at] = byte(len(code) - at - 4) // from the instruction's end on
		code = append(append(code, text...), 0)
	}
	return code
}

// TestWhoLoadsALibraryStaysWhoItIs: ld.so is what it was given. Both here are the same code, once as a program, once as another one's
// interpreter; and neither is anybody else for what the session did not write.
func TestWhoLoadsALibraryStaysWhoItIs(t *testing.T) {
	const folder = "/data/loads/"
	const written, foreign = folder + "own/library", folder + "library"
	must(t, os.MkdirAll(folder+"own", 0o777))
	anew(t, foreign, []byte("nobody's"))
	for name, library := range map[string]string{"written": written, "foreign": foreign} {
		anew(t, folder+"load-"+name, actor.ProgramOf(loads(library), ""))
		anew(t, folder+"tool-"+name, actor.Program(folder+"load-"+name))
	}
	policy(t, `
[[rule]]
id = "written"
principal = "written"
on = ["exec"]
match = ["/bin/busybox"]
action = "deny"
`)
	in, out := session(t), start(t)
	in.want(act{Do: "write", Path: written, To: "the session's"}, 0)
	for name, refused := range map[string]bool{"load-written": true, "tool-written": false, "load-foreign": false, "tool-foreign": false} {
		started := act{Do: "exec", Path: folder + name, Argv: []string{name}}
		want := map[bool]int{true: int(unix.EPERM)}[refused]
		if r := in.do(started); r.Status != want || r.Errno != 0 || r.Signal != 0 {
			t.Errorf("%s in the session: %+v, want status %d", name, r, want)
		}
		if r := out.do(started); r.Status != 0 || r.Errno != 0 || r.Signal != 0 {
			t.Errorf("%s outside: %+v", name, r)
		}
	}
}
