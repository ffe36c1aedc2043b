// SPDX-License-Identifier: Apache-2.0

// This file is a file that has the bytes of a program which policy refuses: it is judged by that one's name.

package event

import "strings"

// copied takes a record's text apart: the program's name, and the object's own. A very long one was left out, and the program's stands for it.
func copied(text string) (program, own string) {
	program, own, _ = strings.Cut(text, "\x00")
	if own == "" {
		return program, program
	}
	return program, own
}

// Meant is the name by which policy judged the object.
func (e *Event) Meant() string {
	if e.CopyOf != "" {
		return e.CopyOf
	}
	return e.Object
}
