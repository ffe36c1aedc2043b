// SPDX-License-Identifier: Apache-2.0

// What may refuse each call, and how the world is after it.

package model

import (
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/testdata/model/step"
)

// The words of a sequence.
type (
	Who  = step.Who
	Path = step.Path
	Step = step.Step
)

// Who acts.
const (
	Agent     = step.Agent
	Bystander = step.Bystander
)

// call is a row of the table of calls.
type call struct {
	plan func(*World, *actor, Step) plan
	ops  []enforce.Op // that may refuse it
}

var (
	madeOps    = []enforce.Op{enforce.OpFileCreate, enforce.OpFileWrite}
	movedOps   = []enforce.Op{enforce.OpFileRename, enforce.OpFileCreate, enforce.OpFileWrite}
	openedOps  = []enforce.Op{enforce.OpFileRead, enforce.OpFileWrite}
	readOps    = []enforce.Op{enforce.OpFileRead}
	writtenOps = []enforce.Op{enforce.OpFileWrite}
	deletedOps = []enforce.Op{enforce.OpFileDelete}
	attrOps    = []enforce.Op{enforce.OpFileAttr}
	execOps    = []enforce.Op{enforce.OpExec, enforce.OpExecMap}
)

var calls = map[string]call{
	"open":        {planOpen, openedOps},
	"tmpfile":     {planTmpfile, openedOps},
	"list":        {planList, readOps},
	"fill":        {planFill(program), writtenOps},
	"script":      {planFill(script), writtenOps},
	"close":       {planClose, nil},
	"mkdir":       {planMake(folder), madeOps},
	"mknod":       {planMake(file), madeOps},
	"symlink":     {planMake(link), madeOps},
	"rmdir":       {planRmdir, deletedOps},
	"unlink":      {planUnlink, deletedOps},
	"link":        {planLink, madeOps},
	"rename":      {planRename(0), movedOps},
	"place":       {planRename(unix.RENAME_NOREPLACE), movedOps},
	"exchange":    {planRename(unix.RENAME_EXCHANGE), movedOps},
	"chmod":       {planAttr, attrOps},
	"chown":       {planAttr, attrOps},
	"utimes":      {planAttr, attrOps},
	"setxattr":    {planAttr, attrOps},
	"removexattr": {planAttr, attrOps},
	"truncate":    {planTruncate, writtenOps},
	"exec":        {planExec, execOps},
	"unshare":     {planUnshare, nil},
	"bind":        {planBind, nil},
	"tmpfs":       {planTmpfs, nil},
	"device":      {planDevice, nil},
	"umount":      {planUmount, nil},
	"chroot":      {planChroot, nil},
}

// Calls are the names of all calls.
func Calls() []string { return sortedKeys(calls) }

// Judged reports whether policy may refuse a call.
func Judged(do string) bool { return calls[do].ops != nil }
