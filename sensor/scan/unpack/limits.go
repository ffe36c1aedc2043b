// SPDX-License-Identifier: Apache-2.0

// This file is what an unpacking may cost, and the account of what it has cost.

package unpack

import (
	"errors"
	"fmt"
	"io"
)

// Limits bound one Walk. What goes beyond is a finding and is not read.
type Limits struct {
	Files int   // files and members, folders not counted
	Depth int   // archives within archives
	File  int64 // bytes of one file or member
	Total int64 // bytes of all files and members together, archives counted before and after opening
	Ratio int64 // bytes that may come out for each byte that went in, beyond the first MiB
	Name  int   // bytes of a member's name
	Part  int   // bytes of one component of it
	Steps int   // components of it
}

// Defaults are the limits of a scan: a workstation's memory survives several at once.
func Defaults() Limits {
	return Limits{Files: 20_000, Depth: 6, File: 64 << 20, Total: 512 << 20, Ratio: 200, Name: 512, Part: 255, Steps: 40}
}

// slack is what a member may grow to whatever its ratio: small texts of spaces compress a thousandfold.
const slack = 1 << 20

var (
	errTooLarge = errors.New("larger than one file may be")
	errBomb     = errors.New("grows beyond any honest ratio")
	errTotal    = errors.New("beyond what one scan may unpack")
)

// account is what a Walk has used. All nested archives share it.
type account struct {
	lim   Limits
	files int
	total int64
}

// take reads one member whole, or says why not. packed is its size before, -1 where that is unknown.
func (a *account) take(r io.Reader, packed int64) ([]byte, error) {
	limit, reason := a.lim.File, errTooLarge
	if packed >= 0 && packed <= (a.lim.File-slack)/a.lim.Ratio {
		limit, reason = packed*a.lim.Ratio+slack, errBomb
	}
	if left := a.lim.Total - a.total; left < limit {
		limit, reason = left, errTotal
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	a.total += int64(len(data))
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w (%d bytes)", reason, limit)
	}
	return data, err
}
