// SPDX-License-Identifier: Apache-2.0

// Package shell reads shell scripts, commands in documents, hooks and strings: pipelines into interpreters, reverse shells,
// persistence, destruction, and whether credentials reach the network. It follows variables, substitutions, pipes and files
// that a script writes itself, in the order of the text and without its conditions; so it may see a way that is never gone.
// Text that is no shell gives nothing. Nothing is ever executed.
package shell
