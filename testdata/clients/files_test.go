// SPDX-License-Identifier: Apache-2.0

package clients

// What is served: a page, packages of four kinds, a repository.

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(text), 0o644))
}

// publish fills /srv.
func publish(t *testing.T) {
	t.Helper()
	for name, text := range map[string]string{
		"hello":                    content + "\n",
		"simple/greet/index.html":  `<!DOCTYPE html><a href="/greet-1.0-py3-none-any.whl">greet-1.0-py3-none-any.whl</a>`,
		"npm/greet":                `{"name":"greet","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"greet","version":"1.0.0","dist":{"tarball":"https://www.allowed.test/npm/greet.tgz"}}}}`,
		"npm/package/package.json": `{"name":"greet","version":"1.0.0","description":"` + content + `"}`,
		"deb/Packages": "Package: greet\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: " + content +
			"\nFilename: ./greet.deb\nSize: 1\nSHA256: " + strings.Repeat("0", 64) + "\n",
		"go/example.test/greet/@v/v1.0.0.info": `{"Version":"v1.0.0"}`,
		"go/example.test/greet/@v/v1.0.0.mod":  "module example.test/greet\n",
	} {
		write(t, "/srv/www/"+name, text)
	}
	zipped(t, "/srv/www/greet-1.0-py3-none-any.whl", map[string]string{
		"greet.py": "# " + content + "\n", "greet-1.0.dist-info/RECORD": "",
		"greet-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n",
		"greet-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
	})
	zipped(t, "/srv/www/go/example.test/greet/@v/v1.0.0.zip", map[string]string{
		"example.test/greet@v1.0.0/go.mod": "module example.test/greet\n", "example.test/greet@v1.0.0/greet.go": "// " + content + "\npackage greet\n",
	})
	run(t, "tar", "-czf", "/srv/www/npm/greet.tgz", "-C", "/srv/www/npm", "package")
	run(t, "sh", "-c", `set -e
		git init -q -b main /tmp/project && cd /tmp/project
		cp /srv/www/hello README && git add . && git -c user.name=A -c user.email=a@example.org commit -q -m Begin
		git clone -q --bare . /srv/git/project.git
		chown -R alice: /srv/git`)
}

// zipped makes an archive of files.
func zipped(t *testing.T, name string, files map[string]string) {
	t.Helper()
	out, err := os.Create(name)
	must(t, err)
	defer out.Close()
	z := zip.NewWriter(out)
	for file, text := range files {
		w, err := z.Create(file)
		must(t, err)
		_, err = w.Write([]byte(text))
		must(t, err)
	}
	must(t, z.Close())
}
