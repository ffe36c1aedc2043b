// SPDX-License-Identifier: Apache-2.0

// Package documents holds what the documents say of the code against the code: names of rules, places in presets, and parts
// that are kept alike by hand.
package documents
