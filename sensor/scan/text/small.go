// SPDX-License-Identifier: Apache-2.0

// This file lowers letters without moving anything: offsets into what it gives are offsets into the text.

package text

// Small is the text with the letters A to Z made small. What Unicode takes for small letters of others may be longer or shorter, as may
// what stands for bytes that are no text; that would move all behind it, and hide it from whoever looks there.
func Small(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c | 0x20
		}
	}
	return string(out)
}
