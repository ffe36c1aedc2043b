// SPDX-License-Identifier: Apache-2.0

// This file opens tar, and the compressions that hold one file.

package unpack

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// window bounds the memory that a decompressor may keep of its own output.
const window = 64 << 20

func openTar(ctx context.Context, w *Walker, f File, depth int) error {
	r := tar.NewReader(bytes.NewReader(f.Data))
	names := namer{w: w, archive: f.Name, seen: map[string]bool{}}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading as tar: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		name := names.check(h.Name)
		switch h.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader:
		case tar.TypeSymlink:
			names.link(h.Name, path.Dir(h.Name), h.Linkname)
		case tar.TypeLink:
			names.link(h.Name, ".", h.Linkname) // hard links count from the root of the archive
		case tar.TypeReg:
			if !w.member(ctx, File{Name: name, Mode: h.FileInfo().Mode()}, r, h.Size, depth) {
				return ctx.Err()
			}
		default:
			w.tell(RuleSpecial, name, fmt.Sprintf("a member of type %q", h.Typeflag))
		}
	}
}

func openGzip(ctx context.Context, w *Walker, f File, depth int) error {
	r, err := gzip.NewReader(bytes.NewReader(f.Data))
	if err != nil {
		return fmt.Errorf("opening as gzip: %w", err)
	}
	return w.only(ctx, f, r, depth)
}

func openBzip2(ctx context.Context, w *Walker, f File, depth int) error {
	return w.only(ctx, f, bzip2.NewReader(bytes.NewReader(f.Data)), depth)
}

func openZstd(ctx context.Context, w *Walker, f File, depth int) error {
	r, err := zstd.NewReader(bytes.NewReader(f.Data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window),
		zstd.WithDecoderMaxMemory(2*window))
	if err != nil {
		return fmt.Errorf("opening as zstd: %w", err)
	}
	defer r.Close()
	return w.only(ctx, f, r, depth)
}

func openXz(ctx context.Context, w *Walker, f File, depth int) error {
	return w.only(ctx, f, &xzReader{data: f.Data}, depth)
}

// only hands out the single file that a compression holds.
func (w *Walker) only(ctx context.Context, f File, r io.Reader, depth int) error {
	inner := strings.TrimSuffix(path.Base(f.Name), path.Ext(f.Name))
	if strings.EqualFold(path.Ext(f.Name), ".tgz") {
		inner += ".tar"
	}
	w.member(ctx, File{Name: f.Name + "!" + inner, Mode: f.Mode &^ (fs.ModeSetuid | fs.ModeSetgid)}, r, int64(len(f.Data)), depth)
	return ctx.Err()
}
