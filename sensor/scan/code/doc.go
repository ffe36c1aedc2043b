// SPDX-License-Identifier: Apache-2.0

// Package code reads Python and JavaScript (TypeScript too) by tokens: which data reaches which call. It knows names,
// strings with what is written into them, calls, assignments, functions and their parameters; it knows no types and no
// conditions, so it may see a way that is never gone, and it does not see what is put together at run time. A file that is not
// the language it claims to be gives fewer findings and never an error. Comments are not looked at: what a program says about
// itself there is nobody's evidence. Nothing is ever executed.
package code
