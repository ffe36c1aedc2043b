// SPDX-License-Identifier: Apache-2.0

// Package discover finds agents, connectors, skills, commands, subagents, hooks, plugins and marketplaces on a file system
// that it is given, by the catalogue's rows and with bounds on everything.
//
// It reads and never executes. It knows no clock, no processes and no disk: fs.FS is the root of the workstation. A file that
// is broken, too large, no file at all, or that cannot be opened becomes an Item with an Error; so does a search that met its
// bounds. Values of credentials are dropped where they are read; their names stay.
package discover
