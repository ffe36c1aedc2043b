// SPDX-License-Identifier: Apache-2.0

// Package work checks that ordinary tools do in a session what they do outside of it: the same work is done twice in a
// machine under the preset that ships, once by a person and once by an agent of hers, in the same folder. Exit code, what was
// said and every file that is left must be equal, and nothing may have been refused.
//
// The test boots machines (testdata/vm) whose /home is an ext4 and runs its own binary in each, as the test OnStage, which is
// skipped elsewhere. The work lies in cases_test.go, what it works on in fixture_test.go.
package work
