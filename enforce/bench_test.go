// SPDX-License-Identifier: Apache-2.0

// What a policy costs: to compile, to ask, to explain. Sizes are metrics beside the times.

package enforce_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

// themed is a policy of n rules with the mix that sites write: most below a folder, some anywhere, few with excepts.
func themed(n int) map[string]string {
	r := rand.New(rand.NewPCG(1, 1))
	word := func() string { return fmt.Sprintf("%c%c%d", 'a'+r.IntN(26), 'a'+r.IntN(26), r.IntN(200)) }
	actions := []string{"deny", "ask", "audit"}
	ops := []string{`"file.read"`, `"file.write"`, `"exec"`, `"file.read", "file.write"`}
	var b strings.Builder
	b.WriteString("version = 1\nbase = \"none\"\n")
	for i := range n {
		glob := "/" + word() + "/" + word() + "/**"
		switch {
		case i%7 == 0:
			glob = "~/" + word() + "/" + word() + "/*.x"
		case i%11 == 0:
			glob = "**/" + word() + "/" + word()
		case i%13 == 0:
			glob = "**/*." + word()
		}
		fmt.Fprintf(&b, "[[rule]]\nid = \"r%d\"\non = [%s]\nmatch = [%q]\naction = %q\n", i, ops[i%len(ops)], glob, actions[i%len(actions)])
		if i%400 == 0 {
			fmt.Fprintf(&b, "except = [\"/%s/**\"]\n", word())
		}
	}
	return map[string]string{"a.toml": b.String()}
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p, err := enforce.Parse(themed(n), enforce.Options{})
			if err != nil {
				b.Fatal(err)
			}
			size := 0
			for b.Loop() {
				im, err := enforce.Compile(p, nil, 1, enforce.Options{})
				if err != nil {
					b.Fatal(err)
				}
				size = len(im.Table)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

func BenchmarkPreset(b *testing.B) {
	p, im := preset(b, "balanced")
	oracle, object := im.Oracle(), []byte("/home/ana/src/app/.git/hooks/pre-commit")
	b.Run("decide", func(b *testing.B) {
		for b.Loop() {
			oracle.Decide(enforce.Subject{Principal: 1}, enforce.OpFileWrite, enforce.ViewHost, object)
		}
	})
	b.Run("explain", func(b *testing.B) {
		for b.Loop() {
			enforce.Explain(p, enforce.Query{Op: enforce.OpFileWrite, Object: string(object)})
		}
	})
	b.Run("attribute", func(b *testing.B) {
		for b.Loop() {
			im.Attribute(enforce.Subject{Principal: 1}, enforce.OpFileWrite, enforce.ViewHost, object, enforce.Ask)
		}
	})
}
