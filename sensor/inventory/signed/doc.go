// SPDX-License-Identifier: Apache-2.0

// Package signed says who signed a packed extension (.mcpb, once .dxt), and whether that holds. It promises that a publisher is
// named only where one signature covers the whole archive, in a form that every reader of archives takes for the same, and leads by
// certificates for code signing to a root that the machine or the site trusts, at the time of asking. Whatever else there is, is a State
// with the name that the signature claims, which is nobody's identity. It does not ask whether a certificate was revoked, since that
// takes the network, nor who countersigned when: a signature ends with its certificate.
package signed
