// SPDX-License-Identifier: Apache-2.0

// Package text makes of a file's bytes the pieces that analysers read: prose, code, what is hidden from people, what is
// encoded, each with its place and its line. It tells what was done to hide: tag characters, zero width, bidirectional
// controls, look-alike letters, variation selectors, comments and styles that are not shown, terminal escapes, white space
// that pushes text out of sight, encodings within encodings. Nothing is cut off; decoding is bounded by depth and size.
package text
