// SPDX-License-Identifier: Apache-2.0

package cowork

import "testing"

func TestCowork(t *testing.T) {
	play(t)
}
