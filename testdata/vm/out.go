// SPDX-License-Identifier: Apache-2.0

package vm

// Files come back as a tar that the guest writes to a raw disk. The guest runs hostile tests, so the
// archive is unpacked under an os.Root: no name or link in it leads out of the folder.

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"os"
	"path"
)

func unpackOut(image, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := os.Open(image)
	if err != nil {
		return err
	}
	defer f.Close()
	// The zeros behind the archive end it.
	for members := tar.NewReader(bufio.NewReader(f)); ; {
		h, err := members.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackMember(root, h, members); err != nil {
			return err
		}
	}
}

// unpackMember writes folders and plain files; whatever else the guest left is not brought back.
func unpackMember(root *os.Root, h *tar.Header, data io.Reader) error {
	name := path.Clean(h.Name)
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		f, err := root.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, os.FileMode(h.Mode)&0o777|0o600)
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, data); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}
	return nil
}
