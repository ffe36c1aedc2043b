// SPDX-License-Identifier: Apache-2.0

package site

import (
	"net/netip"
	"slices"
	"testing"
)

func TestConfiguredResolvers(t *testing.T) {
	c, err := ReadConfig(write(t, "reeve.toml", "resolvers = ['10.0.0.53', 'fd00::53']\nresolver_files = []\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sources()
	if want := []netip.Addr{netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("fd00::53")}; !slices.Equal(s.Given, want) || len(s.Files) != 0 {
		t.Errorf("%+v", s)
	}
	c = Defaults()
	if s := c.Sources(); len(s.Given) != 0 || len(s.Files) != 2 || s.Root != "/proc/1/root" {
		t.Errorf("%+v", s)
	}
}
