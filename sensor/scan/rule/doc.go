// SPDX-License-Identifier: Apache-2.0

// Package rule keeps what the scanner knows as data: every rule with its title, severity, taxonomies, what to do, and examples
// that are tests. Rules of two kinds are decided here: by words (classes of a lexicon that stand together in one sentence)
// and by patterns (regular expressions behind literals). The others name the analyser that tells them (`by`).
//
// All phrases and literals are one Aho-Corasick automaton, so that a text is read once however many rules there are.
//
// A rule's `when` is a list of which one must hold. In each, parts that are joined by "&" stand anywhere in one sentence (or
// paragraph: `span`), and parts that are joined by "~40" stand in this order, at most 40 bytes apart. A part is "@class"
// or 'a phrase'; "!@class" must not stand there. A phrase ends at a word's end unless a "*" follows.
package rule
