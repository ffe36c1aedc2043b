// SPDX-License-Identifier: Apache-2.0

// Package formats reads the files in which agents keep their settings (JSON with comments, TOML, YAML, Markdown with YAML
// before it) into one kind of tree whose nodes know their lines.
//
// It is pure: bytes in, tree or error out. Files are hostile: what is too deep or has too many nodes is an Error, and no Error
// quotes the file, which may hold credentials.
package formats
