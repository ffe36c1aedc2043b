// SPDX-License-Identifier: Apache-2.0

// Package unpack hands out every file below a folder or in a single file, archives opened, archives in archives too: zip and
// what is zip inside (.mcpb, .dxt, .skill, .docx, .jar, .whl ...), tar, gzip, bzip2, xz, zstd.
//
// It promises that nothing is left out in silence: what could not be read, whole, is a finding, and so is every name that an
// extractor could be led astray by. It promises bounds: no more memory, files, depth or output than Limits say, whatever
// an archive claims about itself. Names of members are text here; nothing is ever written to a file system. Time is the
// caller's context.
package unpack
