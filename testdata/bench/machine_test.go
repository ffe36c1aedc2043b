// SPDX-License-Identifier: Apache-2.0

package bench

// The kernel under test: these tests skip where enforcing programs cannot be loaded, and fail there under REQUIRE.

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/sensor"
)

// load loads the sensor for one test, not attached.
func load(t *testing.T, tableSize uint32) *sensor.Kernel {
	t.Helper()
	k, err := sensor.Load(sensor.Options{TableSize: tableSize})
	if errors.Is(err, sensor.ErrRefused) && !strings.Contains(os.Getenv("REQUIRE"), "lsm") {
		t.Skip("no kernel to test:", err)
	}
	must(t, err)
	t.Cleanup(func() { k.Close() })
	return k
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
