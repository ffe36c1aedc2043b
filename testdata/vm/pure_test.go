// SPDX-License-Identifier: Apache-2.0

package vm

// The parts of the harness that need no guest.

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNewestKernelOfASeries(t *testing.T) {
	for name, tc := range map[string]struct {
		packages []string
		want     string
	}{
		"numbers-compare-as-numbers": {
			[]string{"linux-image-6.12.9+deb12-cloud-amd64", "linux-image-6.12.117+deb12-cloud-amd64"}, "6.12.117+deb12-cloud-amd64"},
		"other-flavours-do-not-count": {
			[]string{"linux-image-6.1.0-56-cloud-amd64", "linux-image-6.1.0-99-amd64", "linux-image-6.1.0-98-cloud-amd64-dbg"}, "6.1.0-56-cloud-amd64"},
		"nothing-of-the-series": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := newest(tc.packages); got != tc.want {
				t.Errorf("newest is %q, want %q", got, tc.want)
			}
		})
	}
}

func TestPinsNameOneCloudKernelASeries(t *testing.T) {
	if got, want := Series(), []string{"6.1", "6.12", "7.3"}; !slices.Equal(got, want) {
		t.Fatalf("series %q, want %q", got, want)
	}
	for _, p := range pins() {
		if !strings.HasPrefix(p.version, p.series+".") || !strings.HasSuffix(p.version, flavour) {
			t.Errorf("%s is pinned to %s", p.series, p.version)
		}
	}
	if _, err := pinFor("5.4"); err == nil || !strings.Contains(err.Error(), "6.1, 6.12, 7.3") {
		t.Errorf("an unknown series gives %v, want the known ones named", err)
	}
}

func TestReplacementOfAGoneKernelIsRemembered(t *testing.T) {
	cache, p := t.TempDir(), pin{"6.12", "6.12.1-cloud-amd64", hostSuite}
	if got := cached(cache, p); got != "" {
		t.Errorf("an empty cache holds %q", got)
	}
	if err := writeWhole(replacement(cache, p), []byte("6.12.9-cloud-amd64")); err != nil {
		t.Fatal(err)
	}
	if got := cached(cache, p); got != "" {
		t.Errorf("a replacement without packages counts: %q", got)
	}
	for _, version := range []string{"6.12.9-cloud-amd64", p.version} { // the pinned one wins
		if err := os.MkdirAll(filepath.Join(cache, version), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := writeWhole(filepath.Join(cache, version, "SHA256SUMS"), nil); err != nil {
			t.Fatal(err)
		}
		if got := cached(cache, p); got != version {
			t.Errorf("the cache holds %q, want %q", got, version)
		}
	}
}

// An archive is read back by the rules of the format: every header at a multiple of four, folders
// before what they hold, the trailer last.
func TestArchiveIsWellFormed(t *testing.T) {
	files := tree{}
	files.file("job/sub/odd", 0o755, []byte("12345"))
	files.file("empty", 0o644, nil)
	var packed bytes.Buffer
	if err := files.pack(&packed); err != nil {
		t.Fatal(err)
	}
	var names []string
	for data := packed.Bytes(); len(data) > 0; {
		if string(data[:6]) != "070701" {
			t.Fatalf("after %q: no header", names)
		}
		size, nameSize := number(t, data[54:62]), number(t, data[94:102])
		name := string(data[110 : 110+nameSize-1])
		names = append(names, name)
		body := (110 + nameSize + 3) &^ 3
		if name == "job/sub/odd" && string(data[body:body+size]) != "12345" {
			t.Errorf("contents are %q", data[body:body+size])
		}
		data = data[(body+size+3)&^3:]
	}
	if want := []string{"empty", "job", "job/sub", "job/sub/odd", "TRAILER!!!"}; !slices.Equal(names, want) {
		t.Errorf("members %q, want %q", names, want)
	}
}

func number(t *testing.T, digits []byte) int {
	t.Helper()
	n := 0
	for _, d := range digits {
		i := strings.IndexByte("0123456789abcdef", d)
		if i < 0 {
			t.Fatalf("%q is no number", digits)
		}
		n = n<<4 + i
	}
	return n
}

func TestKernelIsTakenOutOfItsImage(t *testing.T) {
	elf := []byte("\x7fELF and the rest of a kernel")
	var payload bytes.Buffer
	zip := gzip.NewWriter(&payload)
	zip.Write(elf)
	zip.Close()
	image := make([]byte, 3*sectorSize)
	image[setupSectorsAt] = 1
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint32(image[payloadOffsetAt:], 100)
	binary.LittleEndian.PutUint32(image[payloadLengthAt:], uint32(payload.Len()))
	copy(image[2*sectorSize+100:], payload.Bytes())

	dir := t.TempDir()
	in, out := filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "vmlinux")
	if err := os.WriteFile(in, image, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := extractVmlinux(in, out); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(out); !bytes.Equal(got, elf) {
		t.Errorf("took out %q", got)
	}
	if err := os.WriteFile(in, image[:2*sectorSize], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := extractVmlinux(in, out); err == nil {
		t.Error("an image that is cut short gave no error")
	}
}

// The guest runs hostile tests, so what it sends back may not leave the folder.
func TestFilesFromTheGuestStayInTheirFolder(t *testing.T) {
	for name, h := range map[string]tar.Header{
		"parent":   {Name: "../evil", Typeflag: tar.TypeReg, Size: 4, Mode: 0o644},
		"absolute": {Name: "/evil", Typeflag: tar.TypeReg, Size: 4, Mode: 0o644},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := unpackOut(tarOf(t, dir, h), filepath.Join(dir, "in")); err == nil {
				t.Error("no error")
			}
			if exists(filepath.Join(dir, "evil")) {
				t.Error("a file was written outside")
			}
		})
	}
	t.Run("plain-file-with-a-hole-behind", func(t *testing.T) {
		dir := t.TempDir()
		if err := unpackOut(tarOf(t, dir, tar.Header{Name: "./a/b", Typeflag: tar.TypeReg, Size: 4, Mode: 0o644}), filepath.Join(dir, "in")); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "in/a/b")); string(got) != "data" {
			t.Errorf("came back as %q", got)
		}
	})
}

func tarOf(t *testing.T, dir string, h tar.Header) string {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("data"))
	w.Close()
	name := filepath.Join(dir, "out.img")
	if err := os.WriteFile(name, append(out.Bytes(), make([]byte, 1<<16)...), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReportOfTheGuest(t *testing.T) {
	r := Result{Code: CodeDied}
	r.read("kernel=6.12.1\r\nlsm=yama,bpf\r\nup=2.50\r\n")
	if r.Code != CodeDied || r.Kernel != "6.12.1" || r.LSM != "yama,bpf" || r.Up.Seconds() != 2.5 {
		t.Errorf("a report without status gives %+v", r)
	}
	r.read("rc=0\r\n")
	if r.Code != 0 {
		t.Errorf("code %d, want 0", r.Code)
	}
}

func TestConfigMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		config Config
		want   string
	}{
		"no-command":            {Config{}, "no command"},
		"unknown-mode":          {Config{Command: "true", Mode: "full"}, `mode "full"`},
		"layer-without-a-root":  {Config{Command: "true", Layers: []string{"/tmp"}}, "no root"},
		"unknown-kernel":        {Config{Command: "true", Kernel: "4.4"}, `kernel "4.4"`},
		"environment-without-=": {Config{Command: "true", Env: []string{"X"}}, "no ="},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := tc.config.complete()
			if err == nil {
				if _, err = pinFor(c.Kernel); err == nil {
					_, err = c.jobTree(&kernel{})
				}
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q in it", err, tc.want)
			}
		})
	}
}
