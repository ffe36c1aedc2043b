// SPDX-License-Identifier: Apache-2.0

// Package scanbench measures the scanner on a labelled corpus that is not part of the repository (it holds working attacks), and
// fits the weights of the scanner's model to it. Samples of one group stay on one side of every division, and what is reported
// was judged by weights that never saw its group.
package scanbench
