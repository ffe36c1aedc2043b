// SPDX-License-Identifier: Apache-2.0

// Package approve keeps what administrators decided about items, bound to what the items are: approving one version does not
// approve the next. A decision holds for every item of the same identity, whoever has it under whatever name; an item with a
// new identity, where one of its name was decided about, has changed and asks again, with the difference.
//
// Store is a file in the state folder that only root writes. Decide is pure.
package approve
