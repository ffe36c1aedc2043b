// SPDX-License-Identifier: Apache-2.0

// Demo shows Reeve at its main job, and checks that it does it: the real Claude Code works through a scripted task in
// which ordinary work and forbidden acts alternate, under the preset that ships.
//
// It has two parts in one program. Without -here it is the director: it boots a machine (testdata/vm), copies itself in,
// and shows what comes over the console. With -here it is the stage: it starts reeved, makes a home, serves the
// scenario (testdata/messages), runs the agent, follows the events, and judges what happened against what was expected.
// It ends with 0 only where every forbidden act was refused by the expected rule and nothing else was.
package main
