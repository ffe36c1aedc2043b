// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"reeve": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: os.Getenv("UPDATE") != "",
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("REEVE_CONFIG", e.WorkDir+"/reeve.toml")
			text := "policy = [\"" + e.WorkDir + "/policy.d\"]\nagents = \"" + e.WorkDir + "/agents.d\"\nrun = \"" + e.WorkDir + "/run\"\n"
			return os.WriteFile(e.WorkDir+"/reeve.toml", []byte(text), 0o644)
		},
	})
}
