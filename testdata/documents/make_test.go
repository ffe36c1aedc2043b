// SPDX-License-Identifier: Apache-2.0

package documents

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/need"
)

// provisions are the words of provision.sh that a target asks for.
func provisions(t *testing.T, args ...string) []string {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		need.Missing(t, need.VM, err)
	}
	cmd := exec.Command("make", append([]string{"-n", "-C", "../.."}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { // what the make above this test was told
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "DEMO=")
	})
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var words []string
	for line := range strings.Lines(string(out)) {
		if _, word, ok := strings.Cut(strings.TrimSpace(line), "packaging/provision.sh "); ok {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words
}

// The demo waits for no download that it does not use.
func TestTargetsProvisionWhatTheyUse(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want []string
	}{
		{[]string{"demo"}, []string{"claude", "vm"}},
		{[]string{"demo", "DEMO=host"}, []string{"claude"}},
		{[]string{"test-agents"}, []string{"agents", "vm"}},
	} {
		if got := provisions(t, tc.args...); !slices.Equal(got, tc.want) {
			t.Errorf("make %s provisions %v, want %v", strings.Join(tc.args, " "), got, tc.want)
		}
	}
}
