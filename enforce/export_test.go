// SPDX-License-Identifier: Apache-2.0

// What tests of the outside need to see of the inside: where a table's header keeps its offsets.

package enforce

// HeaderOffsets is the place of role_table in struct table_header; row_index follows it.
const HeaderOffsets = namesAt - 4*4

// MarksAt is the place of marks.
const MarksAt = marksAt
