// SPDX-License-Identifier: Apache-2.0

// Package risk judges what was found: how much harm an item can do and why that is said, what it brings together with others,
// and which one's removal helps most. It is pure. It says what is possible, not what somebody intends.
package risk
